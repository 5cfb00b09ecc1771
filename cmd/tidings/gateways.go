package main

import (
	"tidings/gateways/kuzzle"
	"tidings/httpapi"
	"tidings/internal/config"
)

// gateways are what clients of other systems connect to.
func gateways(s config.Settings) (list []httpapi.Gateway) {
	if s.GatewayKuzzle == config.On {
		list = append(list, httpapi.Gateway{Path: "/", Language: kuzzle.New()})
	}
	return list
}
