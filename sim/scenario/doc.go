// Package scenario plays users' stories, faults and random days on the real server and the Go client: actors, broker,
// HTTP, proxies and clients in a testing/synctest bubble, over a network in memory that can be cut, stalled, slowed
// down and lied to. What every callback saw is recorded and judged by sim/check. All of it is in the tests;
// stories_test.go and faults_test.go are the tables.
//
//	go test ./sim/scenario                       everything, in virtual time
//	go test ./sim/scenario -run Random -seed 17  one random scenario; a failing one prints its seed and its story
package scenario
