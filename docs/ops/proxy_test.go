package ops_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/internal/teststack"
)

const host = "bus.example.com"

// kind is a sort of proxy: the file of this folder that configures it and how it runs as a child of a test.
type kind struct {
	name, file string
	command    func(p *proxy) []string
	adapt      func(p *proxy, config string) string
}

var nginx = kind{
	name: "nginx", file: "nginx.conf",
	command: func(p *proxy) []string { return []string{"nginx", "-p", p.dir, "-c", p.path("main.conf")} },
	adapt: func(p *proxy, config string) string {
		p.write("main.conf", fmt.Sprintf(`
			daemon off; worker_processes 1; worker_shutdown_timeout 1s; user root; pid %[1]s/nginx.pid; error_log %[1]s/error.log info;
			events { worker_connections 512; }
			http {
				access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
				fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
				include %[1]s/config;
			}`, p.dir))
		config = replace(p.t, config, "listen 443 ", "listen "+p.addr+" ")
		config = replace(p.t, config, "/etc/ssl/bus.example.com.crt", p.path("bus.crt"))
		return replace(p.t, config, "/etc/ssl/bus.example.com.key", p.path("bus.key"))
	},
}

var haproxy = kind{
	name: "haproxy", file: "haproxy.cfg",
	command: func(p *proxy) []string { return []string{"haproxy", "-db", "-f", p.path("config")} },
	adapt: func(p *proxy, config string) string {
		config = replace(p.t, config, "bind :443 ", "bind "+p.addr+" ")
		config = replace(p.t, config, "maxconn 20000", "maxconn 200") // of the test's file descriptors
		return replace(p.t, config, "/etc/ssl/bus.example.com.pem", p.path("bus.pem"))
	},
}

var apache = kind{
	name: "apache", file: "apache.conf",
	command: func(p *proxy) []string { return []string{"apache2", "-D", "FOREGROUND", "-f", p.path("config")} },
	adapt: func(p *proxy, config string) string {
		modules := os.Getenv("APACHE_MODULES")
		if modules == "" {
			modules = "/usr/lib/apache2/modules"
		}
		var head strings.Builder
		for _, m := range []string{"mpm_event", "authz_core", "http2", "ssl", "headers", "rewrite", "proxy", "proxy_http"} {
			fmt.Fprintf(&head, "LoadModule %s_module %s/mod_%s.so\n", m, modules, m)
		}
		fmt.Fprintf(&head, "ServerRoot %[1]s\nServerName %[2]s\nPidFile %[1]s/apache.pid\nErrorLog %[1]s/error.log\nMutex sem\nUser nobody\nGroup nogroup\nListen %[3]s\n", p.dir, host, p.addr)
		config = replace(p.t, config, "*:443", p.addr)
		config = replace(p.t, config, "/etc/ssl/bus.example.com.crt", p.path("bus.crt"))
		return head.String() + replace(p.t, config, "/etc/ssl/bus.example.com.key", p.path("bus.key"))
	},
}

var caddy = kind{
	name: "caddy", file: "Caddyfile",
	command: func(p *proxy) []string {
		return []string{"caddy", "run", "--config", p.path("config"), "--adapter", "caddyfile"}
	},
	adapt: func(p *proxy, config string) string {
		_, port, _ := net.SplitHostPort(p.addr)
		site := fmt.Sprintf("https://%s:%s {\n\tbind 127.0.0.1\n\ttls %s %s\n", host, port, p.path("bus.crt"), p.path("bus.key"))
		config = replace(p.t, config, "\tgrace_period 5s", "\tadmin off\n\tauto_https disable_redirects\n\tgrace_period 1s")
		return replace(p.t, config, host+" {\n", site)
	},
}

// kinds are the proxies to test with. Each must be installed: `make deps` has nginx, haproxy and apache2-bin.
// TIDINGS_PROXIES=nginx,caddy names others.
func kinds(t *testing.T) []kind {
	t.Helper()
	names := os.Getenv("TIDINGS_PROXIES")
	if names == "" {
		names = "nginx,haproxy,apache"
	}
	var found []kind
	for name := range strings.SplitSeq(names, ",") {
		k, ok := map[string]kind{"nginx": nginx, "haproxy": haproxy, "apache": apache, "caddy": caddy}[name]
		if !ok {
			t.Fatalf("TIDINGS_PROXIES names %q", name)
		}
		found = append(found, k)
	}
	return found
}

// proxy is a real proxy in front of a stack: a child process on a free port of loopback.
type proxy struct {
	t    *testing.T
	kind kind
	dir  string
	addr string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	pool *x509.CertPool
}

// startProxy runs k with its file of this folder, or with what change makes of it, before the given upstream.
func startProxy(t *testing.T, k kind, upstream string, change ...func(string) string) *proxy {
	t.Helper()
	p := &proxy{t: t, kind: k, dir: t.TempDir(), addr: teststack.FreeAddress(t)}
	p.certify()
	config, err := os.ReadFile(k.file)
	if err != nil {
		t.Fatal(err)
	}
	text := replace(t, string(config), "127.0.0.1:8080", upstream)
	for _, f := range change {
		text = f(text)
	}
	p.write("config", k.adapt(p, text))
	p.start()
	t.Cleanup(p.stop)
	return p
}

func (p *proxy) start() {
	p.t.Helper()
	argv := p.kind.command(p)
	log, err := os.OpenFile(p.path("out.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Env = append(os.Environ(), "HOME="+p.dir)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("%s does not start, is it installed? %v", argv[0], err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		cmd.Wait()
		close(done)
	}(p.cmd, p.done)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-p.done:
			p.t.Fatalf("%s ended:\n%s", argv[0], p.log())
		default:
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s does not listen: %v\n%s", argv[0], err, p.log())
		}
	}
}

// stop ends the process with its workers, which a kill would leave behind.
func (p *proxy) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(time.Minute): // Apache gives its workers 10 s
		p.cmd.Process.Kill()
		<-p.done
		p.t.Errorf("%s did not end by SIGTERM", p.kind.name)
	}
}

func (p *proxy) path(name string) string { return filepath.Join(p.dir, name) }

func (p *proxy) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *proxy) log() string {
	out, _ := os.ReadFile(p.path("out.log"))
	more, _ := os.ReadFile(p.path("error.log"))
	return string(out) + string(more)
}

// certify makes a certificate of the proxy's own for host.
func (p *proxy) certify() {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))
	p.write("bus.crt", cert)
	p.write("bus.key", private)
	p.write("bus.pem", cert+private)
	p.pool = x509.NewCertPool()
	p.pool.AppendCertsFromPEM([]byte(cert))
}

// web is an HTTP client to which host is this proxy. Over HTTP/2 where that is offered and asked for.
func (p *proxy) web(http2 bool) *http.Client {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: p.pool},
		ForceAttemptHTTP2: http2,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, p.addr)
		},
	}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// base is the URL of the server as the world sees it. Its port is in the name for proxies that look at it.
func (p *proxy) base() string {
	if p.kind.name != "caddy" {
		return "https://" + host
	}
	_, port, _ := net.SplitHostPort(p.addr)
	return "https://" + host + ":" + port
}

// replace fails where old is not in s: the file has changed, and the test must.
func replace(t *testing.T, s, old, with string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("%q is not in\n%s", old, s)
	}
	return strings.ReplaceAll(s, old, with)
}
