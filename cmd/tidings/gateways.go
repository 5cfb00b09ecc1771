package main

import (
	"fmt"
	"os"
	"slices"

	"tidings/gateways/feathers"
	"tidings/gateways/kuzzle"
	"tidings/gateways/pakyow"
	"tidings/gateways/primus"
	"tidings/gateways/socketio"
	"tidings/hooks"
	"tidings/httpapi"
	"tidings/internal/config"
)

// strategies are the ways to sign in with credentials, as far as the settings say; nil if the application knows them.
func strategies(s config.Settings) []string {
	switch {
	case s.UsersFile != "":
		return []string{"local"}
	case slices.Contains(s.HooksAsk, hooks.SignIn):
		return nil
	}
	return []string{}
}

// primusPath is where clients of Primus connect, below the base path.
const primusPath = "/primus"

// socketIOPath is where clients of Socket.IO connect, below the base path.
const socketIOPath = "/socket.io"

// gateways are what clients of other systems connect to.
func gateways(s config.Settings) (list []httpapi.Gateway, err error) {
	services, err := feathers.NewServices(s.FeathersServices)
	if err != nil {
		return nil, fmt.Errorf("gateways.feathers.services: %w", err)
	}
	if s.GatewayPrimus == config.On {
		var library []byte
		if s.PrimusLibrary != "" {
			if library, err = os.ReadFile(s.PrimusLibrary); err != nil {
				return nil, fmt.Errorf("gateways.primus_library: %w", err)
			}
		}
		list = append(list, httpapi.Gateway{Path: primusPath, Language: primus.New(primus.Config{PingInterval: s.PrimusPingInterval, Path: s.BasePath + primusPath, Services: services, Library: library})})
	}
	if s.GatewaySocketIO == config.On {
		list = append(list, httpapi.Gateway{Path: socketIOPath, Language: socketio.New(socketio.Config{Services: services})})
	}
	if s.GatewayPakyow == config.On { // before that which takes every handshake at /
		list = append(list, httpapi.Gateway{Path: "/", Language: pakyow.New(), Query: pakyow.Parameter})
	}
	if s.GatewayKuzzle == config.On {
		list = append(list, httpapi.Gateway{Path: "/", Language: kuzzle.New(kuzzle.Config{Strategies: strategies(s)})})
	}
	return list, nil
}
