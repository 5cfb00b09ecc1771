package doctor

import "net/netip"

// network returns where an address is: "loopback", "private", or "unknown".
func network(hostPort string) string {
	at, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return "unknown"
	}
	a := at.Addr().Unmap()
	switch {
	case a.IsLoopback():
		return "loopback"
	case a.IsPrivate(), a.IsLinkLocalUnicast(), carriers.Contains(a):
		return "private"
	}
	return "unknown"
}

var carriers = netip.MustParsePrefix("100.64.0.0/10") // of carriers' and companies' own networks
