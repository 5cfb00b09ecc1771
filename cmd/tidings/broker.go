package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"tidings/broker"
	"tidings/broker/memory"
	"tidings/broker/redisbroker"
	"tidings/core"
	"tidings/internal/config"
	"tidings/protocol"
)

func (srv *server) buildBroker() (err error) {
	s := srv.settings
	srv.history = &history{node: core.DefaultStreamConfig()}
	srv.history.node.MaxMessages, srv.history.node.MaxAge, srv.history.node.MaxBytes = s.HistoryMessages, s.HistoryAge, int(s.HistoryBytes)
	srv.history.policy.Store(srv.admission.policy)
	if s.Broker == config.BrokerRedis && !srv.alone {
		srv.broker, err = srv.redisBroker()
	} else {
		srv.broker, err = srv.memoryBroker()
	}
	if err != nil {
		return err
	}
	srv.onStop(func() { srv.broker.Close() })
	return nil
}

func (srv *server) memoryBroker() (broker.Broker, error) {
	s, c := srv.settings, memory.DefaultConfig()
	c.Stream = srv.history.of
	c.MaxChannels, c.OwnerChannels = s.MaxChannels, s.ChannelsPerUser
	c.Remember, c.RememberBrief = s.HistoryRemember, s.HistoryRememberBrief
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return memory.New(c), nil
}

// redisPatience is how long a start waits for Redis, which may be starting, too.
const redisPatience = 15 * time.Second

func (srv *server) redisBroker() (broker.Broker, error) {
	s, c := srv.settings, redisbroker.DefaultConfig(srv.settings.RedisURLs...)
	c.Stream, c.Log = srv.history.of, srv.log
	c.SentinelMaster, c.Prefix, c.Partitions, c.SubscribeConns = s.RedisSentinelMaster, s.RedisPrefix, s.RedisPartitions, s.RedisSubscribeConns
	c.TrustPersistence = s.RedisTrustPersistence
	c.Remember, c.RememberBrief = s.HistoryRemember, s.HistoryRememberBrief
	if s.RedisPasswordFile != "" {
		c.Password = s.RedisPassword
	}
	ctx, cancel := context.WithTimeout(context.Background(), redisPatience)
	defer cancel()
	b, err := redisbroker.New(ctx, c)
	var fault *protocol.Error
	if errors.As(err, &fault) {
		return nil, fmt.Errorf("broker redis (redis.url): %s: %s. %s", fault.Code, fault.Reason, fault.Hint)
	}
	if err != nil {
		return nil, err
	}
	srv.log.Info("the broker is Redis", slog.Int("partitions", s.RedisPartitions), slog.String("prefix", s.RedisPrefix))
	return b, nil
}

// noticesTime is how long the servers of a broker may take to say how they are set up.
const noticesTime = 10 * time.Second

// printNotices prints what a broker's own settings mean for messages.
func printNotices(ctx context.Context, b broker.Broker, out io.Writer) {
	redis, ok := b.(*redisbroker.Broker)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noticesTime)
	defer cancel()
	for _, n := range redis.Notices(ctx) {
		kind := "note"
		if n.Warning {
			kind = "warning"
		}
		fmt.Fprintf(out, "%s: %s. %s\n", kind, n.Text, n.Hint)
	}
}
