package httpapi

import (
	"github.com/prometheus/client_golang/prometheus"

	"tidings/actors"
	"tidings/protocol"
	"tidings/transports"
)

// metric is one name on /metrics and in docs/METRICS.md.
type metric struct {
	name   string
	kind   prometheus.ValueType
	labels []string
	help   string
	desc   *prometheus.Desc
}

// allMetrics is every metric of our own, in the order of docs/METRICS.md.
var allMetrics []*metric

func newMetric(kind prometheus.ValueType, name, help string, labels []string) *metric {
	m := &metric{name: "tidings_" + name, kind: kind, labels: labels, help: help}
	m.desc = prometheus.NewDesc(m.name, help, labels, nil)
	allMetrics = append(allMetrics, m)
	return m
}

func counter(name, help string, labels ...string) *metric {
	return newMetric(prometheus.CounterValue, name, help, labels)
}

func gauge(name, help string, labels ...string) *metric {
	return newMetric(prometheus.GaugeValue, name, help, labels)
}

var (
	mConnections   = gauge("connections", "Connections with a transport.", "transport")
	mParked        = gauge("connections_parked", "Connections whose transport was lost, waiting for it to come back.")
	mChannels      = gauge("channels", "Channels that somebody hears, or heard a short time ago.")
	mSubscriptions = gauge("subscriptions", "Subscriptions.")

	mPublished    = counter("messages_published_total", "Messages published through this node.")
	mDeduplicated = counter("messages_deduplicated_total", "Publishes whose idempotency key was used before.")
	mDelivered    = counter("messages_delivered_total", "Messages handed to a subscription, each counted once per subscription.")
	mReplayed     = counter("messages_replayed_total", "Of them, messages from history, for clients that had missed them.")
	mSkipped      = counter("messages_skipped_total", "Messages left out under load and read from history afterwards.")
	mRouted       = counter("publishes_routed_total", "Publishes without a channel, and what routing made of them: routed, nobody or refused.", "outcome")
	mExcluded     = counter("messages_excluded_total", "Messages not handed to a subscription, since their publish excluded its connection.")

	mGaps          = counter("gaps_total", "Gaps told to a subscription: messages that could not be shown to be complete.", "reason")
	mRecoveries    = counter("recoveries_total", "Subscriptions that went on from a position.", "transport")
	mResumes       = counter("resumes_total", "Connections taken up again over a new transport, by the new one.", "transport")
	mResumesFailed = counter("resumes_failed_total", "Attempts at it that got a new session.", "reason")
	mSlow          = counter("slow_consumers_total", "Connections cut because their client read too slowly.")
	mLost          = counter("connections_lost_total", "Connections that lost their transport, and why: a code, or cut.", "transport", "code")
	mEnded         = counter("connections_ended_total", "Connections that ended, and why: a code, or goodbye.", "transport", "code")
	mEvicted       = counter("connections_evicted_total", "Parked connections that ended before their time, since there were too many.")
	mTurnedAway    = counter("connections_refused_total", "Connections that a limit refused, by its name in the configuration.", "limit")
	mFallbacks     = counter("fallbacks_total", "Connects of clients that are not on their first transport, and why, as the client says.", "transport", "reason")
	mFaults        = counter("requests_refused_total", "Requests of connected clients that were answered with an error.", "transport", "code")
	mRevoked       = counter("subscriptions_revoked_total", "Subscriptions that other rules, or another token of the user, ended.")
	mRemoved       = counter("subscriptions_removed_total", "Subscriptions made by the server that it took away.")
	mPut           = counter("subscriptions_put_total", "Subscriptions that the server made: joins, and grants of backends.")
	mPutFull       = counter("connections_full_total", "Connections that had no room for all subscriptions that the server wanted to make.")
	mJoinsLeft     = counter("joins_left_out_total", "Channels that clients were not put in, because their name would be another's, or there are too many.")
	mGrants        = gauge("grants", "Channels that backends have put users, sessions and connections in, as far as they are remembered.")
	mGrantsWaiting = gauge("grants_waiting", "Users, sessions and pages of these of whom nobody is connected.")
	mPages         = counter("connection_ids_total", "Connections whose client showed a signed connection id, and whether it counts.", "outcome")
	mWithdrawn     = counter("frames_withdrawn_total", "Frames taken back from an outbox, since their channel was not allowed any more.")

	mRepliesOpened = counter("reply_channels_opened_total", "Reply channels given to a client.")
	mRepliesClosed = counter("reply_channels_closed_total", "Reply channels that got their final reply, done or error.")
	mMailboxes     = gauge("reply_mailboxes", "Reply channels that hold replies; they are forgotten some time after they have expired.")

	mMembers        = gauge("presence_members", "Who are in channels on this node, each counted once per channel, where presence is kept.")
	mWatchers       = gauge("presence_watchers", "Subscriptions that hear who comes and goes.")
	mMemberChanges  = counter("presence_changes_total", "Members that came to, or went from, a channel on this node.", "change")
	mNews           = counter("presence_frames_total", "Frames made for those who watch a channel, each counted once for all of them.", "type")
	mUnnamed        = counter("presence_unnamed_total", "Of those of type presence, frames that only counted, because more were there than are named.")
	mPresenceLost   = counter("presence_lost_total", "Times that changes were missing, so that everybody was read again.")
	mPresenceFailed = counter("presence_failures_total", "Calls of the broker for presence that failed; they are repeated.")

	mHooks         = counter("hooks_total", "Questions to the application, by what came of them: allowed, refused, failed.", "hook", "outcome")
	mEventsSent    = counter("hook_events_sent_total", "Events that the application has confirmed.")
	mEventsLost    = counter("hook_events_lost_total", "Events that were not kept for it, because too many waited.")
	mEventsWaiting = gauge("hook_events_waiting", "Events that wait for it.")

	mActorFailures = counter("actor_failures_total", "Panics under the bus. Should stay 0.")
	mActorRestarts = counter("actor_restarts_total", "Actors started again after a panic.")
	mDeadLetters   = counter("dead_letters_total", "Requests to an actor that is no more. Should stay 0.")
	mTails         = gauge("tails", "Who follow what is published, by GET /api/tail.")
	mTailDropped   = counter("tail_dropped_total", "Messages left out of a tail that was read too slowly.")
	mPublishing    = gauge("pending_publishes", "Publishes that the broker has not answered yet.")
	mBrokerQueue   = gauge("broker_queue", "Reads and requests that wait for their turn at the broker.")
	mPressure      = gauge("memory_pressure", "1: short of memory, new connections are refused. 2: publishes, too.")
	mHeldChannels  = gauge("history_channels", "Channels that the broker keeps in this process.")
	mHeldMessages  = gauge("history_messages", "Messages that it keeps for them.")
	mHeldBytes     = gauge("history_bytes", "Bytes of these.")
	mHeldKeys      = gauge("idempotency_keys", "Idempotency keys that it remembers.")
	mKeysForgotten = counter("idempotency_keys_forgotten_total", "Of them, those that were given up before their time. Should stay 0.")
	mLanes         = gauge("active_lanes", "Parts of channels that wait for a fan-out shard.")
	mInFlight      = gauge("in_flight", "Messages and operations on their way to channels and subscriptions.")
	mDeepest       = gauge("deepest_channel", "The most of them of one channel.")
	mPendingFrames = gauge("pending_frames", "Frames of clients that wait for their connection's actor.")

	mLinks     = gauge("transport_links", "Open links: sockets, streams, polls.", "transport")
	mOpened    = counter("transport_links_opened_total", "Links opened.", "transport")
	mFrames    = counter("transport_frames_total", "Frames written.", "transport")
	mMessages  = counter("transport_messages_total", "Of them, messages.", "transport")
	mBytes     = counter("transport_bytes_total", "Bytes written.", "transport")
	mWrites    = counter("transport_writes_total", "Write calls, or answers of a poll.", "transport")
	mSlowLinks = counter("transport_slow_total", "Links cut because a write took too long.", "transport")
	mTurned    = counter("transport_refused_total", "Requests for a transport (or send, or negotiate) that were refused.", "transport", "code")

	mRefused  = counter("http_refused_total", "Other HTTP requests, and items of a publish to several channels, that were refused.", "code")
	mSilent   = counter("silent_refused_total", "Connections that were closed at once, since too many of their address were open without a request.")
	mCertEnds = gauge("tls_certificate_end_seconds", "When the first of the certificates that were shown ends, in Unix time; 0 where there is none.")
	mSpans    = counter("spans_sent_total", "Spans of publishes that the OpenTelemetry collector took.")
	mNoSpans  = counter("spans_lost_total", "Spans that it did not take.")
	mPanics   = counter("http_panics_total", "Requests that made a handler panic. Should stay 0.")
)

// collector reads the counters of the bus and the transports when it is asked; nothing is counted for its sake.
type collector struct{ api *API }

// Describe names every metric.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range allMetrics {
		ch <- m.desc
	}
}

// Collect reads every value.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	collectBus(ch, c.api.bus.Stats())
	collectTransports(ch, c.api.handler.Stats())
	sendCodes(ch, mRefused, c.api.refused.Snapshot())
	send(ch, mSilent, c.api.silent.refused.Load())
	var ends int64
	if c.api.ends != nil {
		if t := c.api.ends(); !t.IsZero() {
			ends = t.Unix()
		}
	}
	send(ch, mCertEnds, ends)
	var sent, lost uint64
	if c.api.tracer != nil {
		sent, lost = c.api.tracer.Stats()
	}
	send(ch, mSpans, sent)
	send(ch, mNoSpans, lost)
	send(ch, mPanics, c.api.panics.Load())
}

func collectBus(ch chan<- prometheus.Metric, s actors.Stats) {
	for transport, n := range s.Connections {
		send(ch, mConnections, n, transport)
	}
	for hook, n := range s.Hooks {
		send(ch, mHooks, n.Allowed, hook, "allowed")
		send(ch, mHooks, n.Refused, hook, "refused")
		send(ch, mHooks, n.Failed, hook, "failed")
	}
	for reason, n := range s.Gaps {
		send(ch, mGaps, n, string(reason))
	}
	for transport, n := range s.Recoveries {
		send(ch, mRecoveries, n, transport)
	}
	for transport, n := range s.Resumes {
		send(ch, mResumes, n, transport)
	}
	for _, v := range []struct {
		m      *metric
		counts map[actors.Cause]uint64
	}{{mLost, s.Lost}, {mEnded, s.Ended}, {mFaults, s.Faults}, {mFallbacks, s.Fallbacks}} {
		for of, n := range v.counts {
			send(ch, v.m, n, of.Transport, of.Code)
		}
	}
	for reason, n := range s.ResumesFailed {
		send(ch, mResumesFailed, n, reason)
	}
	for limit, n := range s.Turned {
		send(ch, mTurnedAway, n, limit)
	}
	for frame, n := range s.News {
		send(ch, mNews, n, frame)
	}
	send(ch, mPages, s.Pages, "valid")
	send(ch, mPages, s.PagesWrong, "wrong")
	for outcome, n := range s.Routed {
		send(ch, mRouted, n, outcome)
	}
	send(ch, mMemberChanges, s.Joined, protocol.TypeJoined)
	send(ch, mMemberChanges, s.Left, protocol.TypeLeft)
	for _, v := range []struct {
		m *metric
		n uint64
	}{
		{mUnnamed, s.NewsUnnamed}, {mPresenceLost, s.PresenceLost}, {mPresenceFailed, s.PresenceFailed},
		{mPublished, s.Published}, {mDeduplicated, s.Deduplicated}, {mDelivered, s.Delivered}, {mReplayed, s.Replayed}, {mSkipped, s.Skipped}, {mExcluded, s.Excluded},
		{mRepliesOpened, s.RepliesOpened}, {mRepliesClosed, s.RepliesClosed}, {mSlow, s.SlowConsumers},
		{mActorFailures, s.ActorFailures}, {mActorRestarts, s.ActorRestarts}, {mDeadLetters, s.DeadLetters}, {mTailDropped, s.TailDropped},
		{mEventsSent, s.Events.Sent}, {mEventsLost, s.Events.Lost}, {mEvicted, s.Evicted}, {mRevoked, s.Revoked}, {mRemoved, s.Removed}, {mPut, s.Put}, {mPutFull, s.PutFull}, {mJoinsLeft, s.JoinsLeft}, {mWithdrawn, s.Withdrawn}, {mKeysForgotten, s.Holdings.KeysForgotten},
	} {
		send(ch, v.m, v.n)
	}
	for _, v := range []struct {
		m *metric
		n int
	}{
		{mParked, s.Parked}, {mGrants, s.Grants}, {mGrantsWaiting, s.Waiting}, {mMembers, s.Members}, {mWatchers, s.Watchers}, {mMailboxes, s.Mailboxes}, {mChannels, s.Channels}, {mSubscriptions, s.Subscriptions}, {mTails, s.Tails}, {mPublishing, s.PendingPublishes}, {mBrokerQueue, s.BrokerQueue},
		{mPressure, int(s.Pressure)}, {mHeldChannels, s.Holdings.Channels}, {mHeldMessages, s.Holdings.Messages}, {mHeldBytes, s.Holdings.Bytes}, {mHeldKeys, s.Holdings.Keys},
		{mEventsWaiting, s.Events.Waiting}, {mLanes, s.ActiveLanes}, {mInFlight, s.InFlight}, {mDeepest, s.DeepestChannel}, {mPendingFrames, s.PendingFrames},
	} {
		send(ch, v.m, v.n)
	}
}

func collectTransports(ch chan<- prometheus.Metric, s transports.Stats) {
	for _, t := range []struct {
		name  string
		stats transports.TransportStats
	}{{protocol.WebSocket, s.WebSocket}, {protocol.SSE, s.SSE}, {protocol.Poll, s.Poll}} {
		send(ch, mLinks, t.stats.Open, t.name)
		send(ch, mOpened, t.stats.Opened, t.name)
		send(ch, mFrames, t.stats.Frames, t.name)
		send(ch, mMessages, t.stats.Messages, t.name)
		send(ch, mBytes, t.stats.Bytes, t.name)
		send(ch, mWrites, t.stats.Flushes, t.name)
		send(ch, mSlowLinks, t.stats.Slow, t.name)
	}
	for of, n := range s.Refused {
		send(ch, mTurned, n, of.Endpoint, string(of.Code))
	}
}

func sendCodes(ch chan<- prometheus.Metric, m *metric, counts map[protocol.Code]uint64) {
	for code, n := range counts {
		send(ch, m, n, string(code))
	}
}

func send[N int | int64 | uint64](ch chan<- prometheus.Metric, m *metric, v N, labels ...string) {
	ch <- prometheus.MustNewConstMetric(m.desc, m.kind, float64(v), labels...)
}
