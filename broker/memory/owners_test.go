package memory_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"tidings/broker/memory"
	"tidings/protocol"
	"time"
)

// claims has an owner make channels, and returns how many it made before it was refused, and with what.
func claims(b *memory.Broker, owner string, names, from, to int) (made int, err error) {
	for i := from; i < to; i++ {
		if err := b.Claim(protocol.Channel(fmt.Sprint("c/", names, "/", i)), owner); err != nil {
			return made, err
		}
		made++
	}
	return made, nil
}

func TestAnOwnerMakesNoMoreThanItsShare(t *testing.T) {
	cfg := memory.DefaultConfig()
	cfg.MaxChannels, cfg.OwnerChannels = 100, 20
	for _, row := range []struct {
		name, owner string
		want        int
		code        protocol.Code
	}{
		{"a user", "user ann", 20, protocol.CodeLimitReached},
		{"an address", "address 192.0.2.7", 20, protocol.CodeLimitReached},
		{"all that nothing is known of", "", 50, protocol.CodeLimitReached},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := memory.New(cfg)
			defer b.Close()
			made, err := claims(b, row.owner, 1, 0, 200)
			if made != row.want || !errors.Is(err, &protocol.Error{Code: row.code}) {
				t.Errorf("made %d, then %v; want %d, then %s", made, err, row.want, row.code)
			}
			if again, err := claims(b, row.owner, 1, 0, row.want); again != row.want {
				t.Errorf("of the channels that it has made %d are known; then %v", again, err)
			}
			if others, err := claims(b, "user bob", 2, 0, 20); others != 20 {
				t.Errorf("another made %d, then %v; want 20", others, err)
			}
			if got := b.Holdings(); got.Channels != row.want+20 || got.ChannelsRefused != 1 || got.MaxChannels != 100 {
				t.Errorf("holdings %+v, want %d channels of 100, and one refused", got, row.want+20)
			}
		})
	}
}

// What an owner has made counts until it is forgotten, and once, however often it is asked for.
func TestAForgottenChannelIsGivenBackToItsOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := memory.DefaultConfig()
		cfg.OwnerChannels = 3
		b := memory.New(cfg)
		defer b.Close()
		for round := range 4 {
			if made, err := claims(b, "user ann", round, 0, 9); made != 3 {
				t.Fatalf("round %d: made %d, then %v; want 3", round, made, err)
			}
			time.Sleep(6*time.Hour + 2*time.Minute)
		}
		if got := b.Holdings(); got.Channels != 0 || got.ChannelsForgotten != 12 {
			t.Errorf("holdings %+v, want none, and 12 forgotten", got)
		}
	})
}

// A claim never looks for space itself, since that takes long with a million channels: it is refused for the moment, and
// the space is there soon after.
func TestAClaimOfAFullBrokerIsTakenALittleLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := memory.DefaultConfig()
		cfg.MaxChannels = 4
		b := memory.New(cfg)
		defer b.Close()
		for i := range 4 {
			top(t, b, protocol.Channel(fmt.Sprint("idle/", i)))
		}
		if _, err := claims(b, "user ann", 1, 0, 1); !errors.Is(err, &protocol.Error{Code: protocol.CodeOverloaded}) {
			t.Errorf("of a full broker: %v, want overloaded", err)
		}
		time.Sleep(2 * time.Second)
		if made, err := claims(b, "user ann", 1, 0, 1); made != 1 {
			t.Errorf("two seconds later: %v", err)
		}
		b.Close()
		if _, err := claims(b, "user ann", 2, 0, 1); !errors.Is(err, &protocol.Error{Code: protocol.CodeBrokerUnavailable}) {
			t.Errorf("of a closed broker: %v", err)
		}
	})
}
