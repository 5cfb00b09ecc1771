package client_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"tidings/client"
)

func Example() {
	bus, err := client.New(client.Config{URL: "http://localhost:8080/bus"})
	if err != nil {
		log.Fatal(err)
	}
	defer bus.Close()

	_, err = bus.Subscribe("orders/new",
		func(m client.Message) { fmt.Println(m.Position.Offset, string(m.Data)) },
		client.OnGap(func(g client.Gap) { fmt.Println("fetch the orders anew:", g.Reason) }),
		client.OnEnd(func(err error) { fmt.Println("refused:", err) }))
	if err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	at, err := bus.Publish(ctx, "orders/new", map[string]int{"id": 7}, client.Key("order-7"))
	if client.Unknown(err) {
		at, err = bus.Publish(context.Background(), "orders/new", map[string]int{"id": 7}, client.Key("order-7")) // one effect
	}
	fmt.Println(at, err)
}
