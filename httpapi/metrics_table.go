package httpapi

import (
	"tidings/actors"
	"tidings/broker"
	"tidings/internal/guard"
	"tidings/protocol"
	"tidings/transports"
)

// allMetrics is every metric of our own, in the order of docs/METRICS.md, which a test compares: a name, what it means,
// and where it is read. A metric is added by a line here and one there.
var allMetrics = []*metric{
	gauges("connections",
		"Connections that have a transport now.",
		[]string{"transport"}, by(func(r *reading) map[string]int { return r.bus.Connections })),
	gauge("connections_parked",
		"Connections whose transport was lost, and that wait for their client to come back.",
		func(r *reading) int { return r.bus.Parked }),
	gauge("channels",
		"Channels that have a subscription, or had one a short time ago.",
		func(r *reading) int { return r.bus.Channels }),
	gauge("subscriptions",
		"Subscriptions of all connections, parked ones included.",
		func(r *reading) int { return r.bus.Subscriptions }),
	gauge("rooms",
		"Different filters, with their scopes, that subscriptions have, of all channels.",
		func(r *reading) int { return r.bus.Rooms }),
	gauge("filters_always",
		"Different filters, of all channels, that no index helps: each is looked at for every message of its channel.",
		func(r *reading) int { return r.bus.Always }),
	counter("filter_matches_total",
		"Messages that a filter matched, each once per filter, however many have it.",
		func(r *reading) uint64 { return r.bus.Matches }),

	counter("messages_published_total",
		"Messages published through this node.",
		func(r *reading) uint64 { return r.bus.Published }),
	counter("messages_deduplicated_total",
		"Publishes whose idempotency key was used before.",
		func(r *reading) uint64 { return r.bus.Deduplicated }),
	counter("messages_delivered_total",
		"Messages handed to a subscription, each counted once per subscription, those from history included.",
		func(r *reading) uint64 { return r.bus.Delivered }),
	counter("messages_replayed_total",
		"Messages from history that were handed to a subscription whose client had missed them.",
		func(r *reading) uint64 { return r.bus.Replayed }),
	counter("messages_skipped_total",
		"Messages left out of the live delivery under load, and read from history afterwards.",
		func(r *reading) uint64 { return r.bus.Skipped }),
	counters("publishes_routed_total",
		"Publishes without a channel, by the outcome of routing: routed, nobody or refused.",
		[]string{"outcome"}, by(func(r *reading) map[string]uint64 { return r.bus.Routed })),
	counter("messages_excluded_total",
		"Messages not handed to a subscription, since their publish excluded its connection.",
		func(r *reading) uint64 { return r.bus.Excluded }),

	gauge("documents_changes_waiting",
		"Changes of documents that were committed and not yet marked as published.",
		func(r *reading) int { return r.documents.Waiting }),
	gauge("documents_relay_lag_seconds",
		"Age of the oldest change of a document that is being published, in whole seconds; 0 if none is.",
		func(r *reading) int { return r.relayLag }),
	counter("documents_writes_total",
		"Operations on documents that were written.",
		func(r *reading) uint64 { return r.documents.Writes }),
	counter("documents_commits_total",
		"Transactions of the documents' store, those included that mark changes as published.",
		func(r *reading) uint64 { return r.documents.Commits }),
	gauge("documents_read_only",
		"1 if the disk of the documents failed, so that nothing is written until a restart; else 0.",
		func(r *reading) int { return r.readOnly }),

	counters("gaps_total",
		"Gaps that a subscription was told of: messages that could not be shown to be complete.",
		[]string{"reason"}, by(func(r *reading) map[protocol.GapReason]uint64 { return r.bus.Gaps })),
	counters("recoveries_total",
		"Subscriptions that went on from a position, by the transport.",
		[]string{"transport"}, by(func(r *reading) map[string]uint64 { return r.bus.Recoveries })),
	counters("resumes_total",
		"Connections taken up again over a new transport, by that transport.",
		[]string{"transport"}, by(func(r *reading) map[string]uint64 { return r.bus.Resumes })),
	counters("resumes_failed_total",
		"Attempts to take up a connection again that got a new session instead.",
		[]string{"reason"}, by(func(r *reading) map[string]uint64 { return r.bus.ResumesFailed })),
	counter("slow_consumers_total",
		"Connections cut because their client read too slowly.",
		func(r *reading) uint64 { return r.bus.SlowConsumers }),
	counters("connections_lost_total",
		"Connections that lost their transport, by the reason: a code, or cut.",
		[]string{"transport", "code"}, byCause(func(r *reading) map[actors.Cause]uint64 { return r.bus.Lost })),
	counters("connections_ended_total",
		"Connections that ended, by the reason: a code, or goodbye.",
		[]string{"transport", "code"}, byCause(func(r *reading) map[actors.Cause]uint64 { return r.bus.Ended })),
	counter("connections_evicted_total",
		"Parked connections that ended before their time, since too many were parked.",
		func(r *reading) uint64 { return r.bus.Evicted }),
	counters("connections_refused_total",
		"Connections that a limit refused, by the limit's name in the configuration.",
		[]string{"limit"}, by(func(r *reading) map[string]uint64 { return r.bus.Turned })),
	counters("fallbacks_total",
		"Connects of clients that are not on their first transport, by the reason that the client gives.",
		[]string{"transport", "reason"}, byCause(func(r *reading) map[actors.Cause]uint64 { return r.bus.Fallbacks })),
	counters("requests_refused_total",
		"Requests of connected clients that were answered with an error.",
		[]string{"transport", "code"}, byCause(func(r *reading) map[actors.Cause]uint64 { return r.bus.Faults })),
	counter("subscriptions_revoked_total",
		"Subscriptions that changed rules, or another token of the user, ended.",
		func(r *reading) uint64 { return r.bus.Revoked }),
	counter("subscriptions_removed_total",
		"Subscriptions that the server had made and took away again.",
		func(r *reading) uint64 { return r.bus.Removed }),
	counter("subscriptions_put_total",
		"Subscriptions that the server made: joins, and grants of backends.",
		func(r *reading) uint64 { return r.bus.Put }),
	counter("connections_full_total",
		"Connections that had no space for all subscriptions that the server wanted to make.",
		func(r *reading) uint64 { return r.bus.PutFull }),
	counter("joins_left_out_total",
		"Channels that clients were not put in by joins, because the name would be another channel's, or there are too many.",
		func(r *reading) uint64 { return r.bus.JoinsLeft }),
	gauge("grants",
		"Channels that backends have put users, sessions and pages in, as far as they are remembered.",
		func(r *reading) int { return r.bus.Grants }),
	gauge("grants_waiting",
		"Users, sessions and pages that were granted channels and of which no client is connected.",
		func(r *reading) int { return r.bus.Waiting }),
	counters("connection_ids_total",
		"Connections whose client showed a signed connection id, by whether it counts: valid or wrong.",
		[]string{"outcome"}, readPages),
	counter("frames_withdrawn_total",
		"Frames taken back before they were written, since their channel was not allowed any more.",
		func(r *reading) uint64 { return r.bus.Withdrawn }),

	counter("reply_channels_opened_total",
		"Reply channels opened for a client.",
		func(r *reading) uint64 { return r.bus.RepliesOpened }),
	counter("reply_channels_closed_total",
		"Reply channels that got their final reply, done or error.",
		func(r *reading) uint64 { return r.bus.RepliesClosed }),
	gauge("reply_mailboxes",
		"Reply channels that hold replies; they are forgotten some time after they have expired.",
		func(r *reading) int { return r.bus.Mailboxes }),

	gauge("presence_members",
		"Members of channels on this node, each counted once per channel, and connections in rooms, where presence is kept.",
		func(r *reading) int { return r.bus.Members }),
	gauge("presence_watchers",
		"Subscriptions that are told who comes and goes.",
		func(r *reading) int { return r.bus.Watchers }),
	counters("presence_changes_total",
		"Members that came to, or left, a channel on this node.",
		[]string{"change"}, readMemberChanges),
	counters("presence_frames_total",
		"Presence frames made for the subscriptions that watch a channel, each counted once for all subscriptions.",
		[]string{"type"}, by(func(r *reading) map[string]uint64 { return r.bus.News })),
	counter("presence_unnamed_total",
		"Frames of type presence that only counted the members, because there are more than are named.",
		func(r *reading) uint64 { return r.bus.NewsUnnamed }),
	counter("presence_lost_total",
		"Times that changes of presence were missing, so that all members were read again.",
		func(r *reading) uint64 { return r.bus.PresenceLost }),
	counter("presence_failures_total",
		"Calls of the broker for presence that failed; they are repeated.",
		func(r *reading) uint64 { return r.bus.PresenceFailed }),

	counters("hooks_total",
		"Questions to the application's hooks, by the answer: allowed, refused or failed.",
		[]string{"hook", "outcome"}, readHooks),
	counter("hook_events_sent_total",
		"Events sent to the application that it has confirmed.",
		func(r *reading) uint64 { return r.bus.Events.Sent }),
	counter("hook_events_lost_total",
		"Events for the application that were dropped, because too many waited.",
		func(r *reading) uint64 { return r.bus.Events.Lost }),
	gauge("hook_events_waiting",
		"Events that wait to be sent to the application.",
		func(r *reading) int { return r.bus.Events.Waiting }),

	counter("actor_failures_total",
		"Panics in the bus that were caught. Should stay 0.",
		func(r *reading) uint64 { return r.bus.ActorFailures }),
	counter("actor_restarts_total",
		"Actors started again after a panic. Should stay 0.",
		func(r *reading) uint64 { return r.bus.ActorRestarts }),
	counter("dead_letters_total",
		"Requests to an actor that has ended. Should stay 0.",
		func(r *reading) uint64 { return r.bus.DeadLetters }),
	gauge("tails",
		"Clients of GET /api/tail that follow what is published.",
		func(r *reading) int { return r.bus.Tails }),
	counter("tail_dropped_total",
		"Messages left out of a tail that was read too slowly.",
		func(r *reading) uint64 { return r.bus.TailDropped }),
	gauge("pending_publishes",
		"Publishes that the broker has not answered yet.",
		func(r *reading) int { return r.bus.PendingPublishes }),
	gauge("broker_queue",
		"Reads and requests that wait for their turn at the broker.",
		func(r *reading) int { return r.bus.BrokerQueue }),
	gauge("broker_ok",
		"1 if the broker answered the last call, else 0. A broker in this process always does.",
		func(r *reading) int {
			if r.bus.Broker.Answers {
				return 1
			}
			return 0
		}),
	counter("broker_interruptions_total",
		"Connections of the broker that bring messages and were opened anew. What was missed meanwhile is read from history.",
		func(r *reading) uint64 { return r.bus.Broker.Interruptions }),
	counters("broker_failures_total",
		"Calls of the broker that failed: broker_unavailable, or timeout if it is unknown whether they happened.", []string{"code"},
		func(r *reading, put report) {
			put(float64(r.bus.Broker.Unavailable), string(protocol.CodeBrokerUnavailable))
			put(float64(r.bus.Broker.Unknown), string(protocol.CodeTimeout))
		}),
	histogram("broker_seconds",
		"How long calls of a broker outside of this process took, those that failed included.", "op",
		func(r *reading) map[string]broker.Timing { return r.bus.Broker.Took }),
	counter("history_coalesced_total",
		"Reads of history that were served by another one of the same channel and position.",
		func(r *reading) uint64 { return r.bus.Broker.SharedReads }),
	gauges("nodes",
		"Nodes that share the broker, as this node knows them, by whether they drain. A node that is alone counts itself.",
		[]string{"state"}, readNodes),
	gauge("forwarding",
		"Requests that were handed to other nodes, and are not answered yet.",
		readForwarding),
	counters("forwarded_total",
		"Requests that were handed to other nodes, by the outcome: answered, unreachable, broken if the node may have seen the request, or refused by cluster.max_forwarded.",
		[]string{"outcome"}, readForwarded),
	gauge("memory_pressure",
		"Pressure on memory. 0: none. 1: new connections are refused. 2: publishes are refused, too.",
		func(r *reading) int { return int(r.bus.Pressure) }),
	gauge("history_channels",
		"Channels whose history the broker keeps in this process.",
		func(r *reading) int { return r.bus.Holdings.Channels }),
	gauge("history_channels_max",
		"Channels whose history the broker may keep in this process (limits.channels). 0: no bound.",
		func(r *reading) int { return r.bus.Holdings.MaxChannels }),
	counter("history_channels_forgotten_total",
		"Channels that the broker has forgotten because nobody used them.",
		func(r *reading) uint64 { return r.bus.Holdings.ChannelsForgotten }),
	counter("history_channels_refused_total",
		"New channels that were refused because one user or address had made too many (limits.channels_per_user).",
		func(r *reading) uint64 { return r.bus.Holdings.ChannelsRefused }),
	gauge("history_messages",
		"Messages of all channels' history that the broker keeps in this process.",
		func(r *reading) int { return r.bus.Holdings.Messages }),
	gauge("history_bytes",
		"Bytes of all channels' history that the broker keeps in this process.",
		func(r *reading) int { return r.bus.Holdings.Bytes }),
	gauge("idempotency_keys",
		"Idempotency keys that the broker remembers in this process.",
		func(r *reading) int { return r.bus.Holdings.Keys }),
	counter("idempotency_keys_forgotten_total",
		"Idempotency keys that the broker gave up before their time. Should stay 0.",
		func(r *reading) uint64 { return r.bus.Holdings.KeysForgotten }),
	gauge("active_lanes",
		"Parts of channels that wait for a fan-out shard.",
		func(r *reading) int { return r.bus.ActiveLanes }),
	gauge("in_flight",
		"Messages and operations on their way to channels and subscriptions.",
		func(r *reading) int { return r.bus.InFlight }),
	gauge("deepest_channel",
		"Most messages and operations that are on their way for any one channel.",
		func(r *reading) int { return r.bus.DeepestChannel }),
	gauge("pending_frames",
		"Frames of clients that wait for their connection's actor.",
		func(r *reading) int { return r.bus.PendingFrames }),

	gauges("transport_links",
		"Transport links that are open: sockets, streams, polls.",
		[]string{"transport"}, perTransport(func(s *transports.TransportStats) int64 { return s.Open })),
	counters("transport_links_opened_total",
		"Transport links opened.",
		[]string{"transport"}, perTransport(func(s *transports.TransportStats) uint64 { return s.Opened })),
	counters("transport_frames_total",
		"Frames written to clients.",
		[]string{"transport"}, perTransport(func(s *transports.TransportStats) uint64 { return s.Frames })),
	counters("transport_messages_total",
		"Frames written to clients that are messages.",
		[]string{"transport"}, perTransport(func(s *transports.TransportStats) uint64 { return s.Messages })),
	counters("transport_bytes_total",
		"Bytes written to clients.",
		[]string{"transport"}, perTransport(func(s *transports.TransportStats) uint64 { return s.Bytes })),
	counters("transport_writes_total",
		"Write calls to clients, or answers to a poll.",
		[]string{"transport"}, perTransport(func(s *transports.TransportStats) uint64 { return s.Flushes })),
	counters("transport_slow_total",
		"Transport links cut because a write took too long.",
		[]string{"transport"}, perTransport(func(s *transports.TransportStats) uint64 { return s.Slow })),
	counters("transport_refused_total",
		"Requests for a transport (or send, or negotiate) that were refused.",
		[]string{"transport", "code"}, readTurned),

	counters("gateway_heard_total",
		"Messages of the clients of a gateway.",
		[]string{"gateway"}, perGateway(func(g *transports.GatewayStats) uint64 { return g.Heard })),
	counters("gateway_malformed_total",
		"Messages of the clients of a gateway that could not be read.",
		[]string{"gateway"}, perGateway(func(g *transports.GatewayStats) uint64 { return g.Malformed })),
	counters("gateway_unsupported_total",
		"Requests of the clients of a gateway for what it does not offer, by the action.",
		[]string{"gateway", "action"}, readUnsupported),

	counters("http_refused_total",
		"Refused HTTP requests other than those for a transport, and refused items of a batch or of a publish to several channels.",
		[]string{"code"}, by(func(r *reading) map[protocol.Code]uint64 { return r.api.refused.Snapshot() })),
	counter("silent_refused_total",
		"Connections closed at once, since too many of their address were open without a request.",
		func(r *reading) uint64 { return r.api.silent.refused.Load() }),
	counter("bodies_unsent_total",
		"Requests whose body was announced and did not come within 10 s.",
		readGuard(func(s guard.Stats) uint64 { return s.Unsent })),
	counter("bodies_refused_total",
		"Requests refused since 512 of their address waited for bodies.",
		readGuard(func(s guard.Stats) uint64 { return s.Crowded })),
	counter("heads_refused_total",
		"Requests whose headers are above 16 KiB, which get 431; not seen if TLS ends here.",
		readGuard(func(s guard.Stats) uint64 { return s.Large })),
	counter("answers_unread_total",
		"Connections cut because an answer was not read in time.",
		readGuard(func(s guard.Stats) uint64 { return s.Unread })),
	counter("smuggled_refused_total",
		"Requests refused because they had a length and chunks.",
		readGuard(func(s guard.Stats) uint64 { return s.Smuggled })),
	gauge("tls_certificate_end_seconds",
		"When the first certificate to end, of those that were shown, ends, in Unix time; 0 if there is none.",
		readCertificateEnd),
	counter("spans_sent_total",
		"Spans of publishes that the OpenTelemetry collector took.",
		readSpansSent),
	counter("spans_lost_total",
		"Spans of publishes that the OpenTelemetry collector did not take.",
		readSpansLost),
	counter("log_lines_lost_total",
		"Lines of the log that nobody took: its reader has left, or reads too slowly.",
		readLostLines),
	counter("http_panics_total",
		"HTTP requests that made a handler panic. Should stay 0.",
		func(r *reading) uint64 { return r.api.panics.Load() }),
}

func readHooks(r *reading, report report) {
	for hook, n := range r.bus.Hooks {
		report(float64(n.Allowed), hook, "allowed")
		report(float64(n.Refused), hook, "refused")
		report(float64(n.Failed), hook, "failed")
	}
}

func readPages(r *reading, report report) {
	report(float64(r.bus.Pages), "valid")
	report(float64(r.bus.PagesWrong), "wrong")
}

func readMemberChanges(r *reading, report report) {
	report(float64(r.bus.Joined), protocol.TypeJoined)
	report(float64(r.bus.Left), protocol.TypeLeft)
}

func readTurned(r *reading, report report) {
	for of, n := range r.transports.Refused {
		report(float64(n), of.Endpoint, string(of.Code))
	}
}

func readCertificateEnd(r *reading) int64 {
	if r.api.ends == nil {
		return 0
	}
	if t := r.api.ends(); !t.IsZero() {
		return t.Unix()
	}
	return 0
}

func readSpansSent(r *reading) (sent uint64) {
	if r.api.tracer != nil {
		sent, _ = r.api.tracer.Stats()
	}
	return sent
}

func readSpansLost(r *reading) (lost uint64) {
	if r.api.tracer != nil {
		_, lost = r.api.tracer.Stats()
	}
	return lost
}

func readLostLines(r *reading) uint64 {
	if r.api.lost == nil {
		return 0
	}
	return r.api.lost()
}
