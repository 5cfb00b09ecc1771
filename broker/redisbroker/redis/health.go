package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"tidings/protocol"
)

// format is the version of how names and values are stored.
const format = "2"

// CheckFormat refuses a server that is too old, and one that is used with another number of partitions.
func CheckFormat(ctx context.Context, client rueidis.Client, layout Layout) error {
	text, err := client.Do(ctx, client.B().Info().Section("server").Build()).ToString()
	if err != nil {
		return Unavailable(err)
	}
	version := field(text, "redis_version")
	if major, _ := strconv.Atoi(version[:max(0, strings.IndexByte(version, '.'))]); major < 7 {
		return &protocol.Error{
			Code: protocol.CodeBrokerUnavailable, Reason: fmt.Sprintf("the server is Redis %s, which has no sharded publish and subscribe", version),
			Hint: "Use Redis 7.0 or newer, or Valkey 7.2 or newer.",
		}
	}
	want := format + " " + strconv.Itoa(layout.Partitions)
	key := layout.formatKey(0)
	err = client.Do(ctx, client.B().Set().Key(key).Value(want).Nx().Build()).Error()
	if err != nil && !rueidis.IsRedisNil(err) {
		return Unavailable(err)
	}
	is, err := client.Do(ctx, client.B().Get().Key(key).Build()).ToString()
	switch {
	case err != nil:
		return Unavailable(err)
	case is != want:
		return &protocol.Error{
			Code:   protocol.CodeBrokerUnavailable,
			Reason: fmt.Sprintf("the server is used with another format or number of partitions: %q, this node has %q", is, want),
			Hint:   "Give all nodes the same redis.partitions, or give this bus a redis.prefix of its own.",
		}
	}
	return nil
}

func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Notice is something about a server that its operator should know.
type Notice struct {
	Text, Hint string
	Warning    bool // messages can be lost without it being a fault of the machine; each loss is told as a gap
}

// Notices returns what the settings of the servers mean for messages, in the order of the servers' addresses.
func Notices(ctx context.Context, client rueidis.Client) []Notice {
	var all []Notice
	seen := map[string]bool{}
	for _, server := range client.Nodes() {
		for _, n := range serverNotices(ctx, server) {
			if !seen[n.Text] {
				seen[n.Text] = true
				all = append(all, n)
			}
		}
	}
	return all
}

func serverNotices(ctx context.Context, client rueidis.Client) (list []Notice) {
	info, err := client.Do(ctx, client.B().Info().Section("memory", "replication").Build()).ToString()
	if err != nil {
		return nil
	}
	get := func(name string) (string, bool) {
		found, err := client.Do(ctx, client.B().ConfigGet().Parameter(name).Build()).AsStrMap()
		value, ok := found[name]
		return value, ok && err == nil
	}
	if policy := field(info, "maxmemory_policy"); policy != "noeviction" && policy != "" {
		list = append(list, Notice{"Redis may evict keys (maxmemory-policy " + policy + "): each channel whose key is evicted is a gap for its clients", "Set maxmemory-policy noeviction.", true})
	}
	save, ok := get("save")
	file, ok2 := get("appendonly")
	replicas, _ := strconv.Atoi(field(info, "connected_slaves"))
	least, ok3 := get("min-replicas-to-write")
	limits, ok4 := get("client-output-buffer-limit")
	if !ok || !ok2 || !ok3 || !ok4 {
		return append(list, Notice{"Redis' settings could not be read (CONFIG GET): persistence, replicas and output buffers were not checked", "Allow the user the command CONFIG GET, or check them yourself.", false})
	}
	if save == "" && file == "no" {
		list = append(list, Notice{"Redis keeps nothing on its disk (no save, no appendonly): its restart is a gap for all clients", "Set appendonly yes if that matters.", false})
	}
	if replicas > 0 && least == "0" {
		list = append(list, Notice{"Redis has replicas and min-replicas-to-write 0: a failover may lose messages that were acknowledged, which is a gap for all clients", "Set min-replicas-to-write 1.", true})
	}
	if hard := pubsubLimit(limits); hard > 0 && hard < 32<<20 {
		list = append(list, Notice{fmt.Sprintf("Redis cuts a node that is %d bytes behind (client-output-buffer-limit pubsub)", hard), "Set client-output-buffer-limit pubsub to 32mb 8mb 60, or more.", true})
	}
	return list
}

// pubsubLimit reads the hard limit of subscribers from what CONFIG GET returns: class, hard, soft, seconds, for each
// class.
func pubsubLimit(limits string) int {
	words := strings.Fields(limits)
	for i := 0; i+1 < len(words); i += 4 {
		if words[i] == "pubsub" {
			n, _ := strconv.Atoi(words[i+1])
			return n
		}
	}
	return 0
}
