package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
	"tidings/httpapi"
)

// A program of yours may carry the bus itself.
func ExampleNew() {
	broker := memory.New(memory.DefaultConfig())
	defer broker.Close()
	bus, err := actors.Start(actors.Config{Broker: broker})
	if err != nil {
		panic(err)
	}
	defer bus.Stop()
	cfg := httpapi.DefaultConfig()
	if cfg.Keys, err = access.NewKeys("a-secret-of-at-least-16-bytes"); err != nil {
		panic(err)
	}
	api, err := httpapi.New(bus, cfg)
	if err != nil {
		panic(err)
	}
	defer api.Close()

	mux := http.NewServeMux()
	mux.Handle("/", api)
	server := httptest.NewServer(mux)
	defer server.Close()

	request, _ := http.NewRequest("POST", server.URL+"/api/publish", strings.NewReader(`{"channel": "hello", "data": 1}`))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer a-secret-of-at-least-16-bytes")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	fmt.Println(answer.Status)
	// Output: 200 OK
}
