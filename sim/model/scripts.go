package model

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// script is a trace's inputs, one per line: an op, its numbers and names, and JSON to the end of the line.
type script struct{ name, lines string }

// steps reads a script.
func (s script) steps() (out []TraceStep, err error) {
	subs, requests := 0, 0
	for line := range strings.Lines(s.lines) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		op, rest, _ := strings.Cut(line, " ")
		words, tail := strings.Fields(rest), json.RawMessage(nil)
		if i := strings.IndexByte(rest, '{'); i >= 0 {
			words, tail = strings.Fields(rest[:i]), json.RawMessage(rest[i:])
		}
		step := TraceStep{Op: op}
		switch op {
		case "open", "lost":
			step.Link, err = strconv.Atoi(words[0])
		case "frame":
			step.Link, err = strconv.Atoi(words[0])
			step.Frame = tail
		case "subscribe":
			subs++
			step.Sub, step.Channel = subs, words[0]
			if len(words) > 1 && words[1] == "since" {
				step.Since = tail
			} else {
				step.Filter = tail
			}
		case "unsubscribe":
			step.Sub, err = strconv.Atoi(words[0])
		case "request":
			requests++
			step.Request, step.Frame = requests, tail
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", s.name, line, err)
		}
		out = append(out, step)
	}
	return out, nil
}

const hello = `
	open 1
	frame 1 {"type":"connected","session":"S","connection":"C","resumed":false,"generation":1,"version":1,"heartbeat":25000,"park":30000,"limits":{"message":65536,"payload":65536,"frames":64,"channel":200,"subscriptions":128}}
`

const helloAgain = `
	frame 2 {"type":"connected","session":"S","connection":"C","resumed":true,"generation":2,"version":1,"heartbeat":25000,"park":30000,"limits":{"message":65536,"payload":65536,"frames":64,"channel":200,"subscriptions":128}}
`

const helloAnew = `
	frame 2 {"type":"connected","session":"T","connection":"D","resumed":false,"generation":1,"version":1,"heartbeat":25000,"park":30000,"limits":{"message":65536,"payload":65536,"frames":64,"channel":200,"subscriptions":128}}
`

const subscribedA = `
	subscribe a
` + hello + `
	frame 1 {"type":"subscribed","id":1,"channel":"a","epoch":"e","offset":4,"tag":"t4","recovered":false}
`

var scripts = []script{
	{"first message", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":{"n":5}}
		ping
		frame 1 {"type":"pong"}`},
	{"resumed: the rest of what was written comes once", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		lost 1
		frame 1 {"type":"message","channel":"a","offset":6,"tag":"t6","id":"m6","time":1,"data":6}
		open 2` + helloAgain + `
		frame 2 {"type":"message","channel":"a","offset":6,"tag":"t6","id":"m6","time":1,"data":6}
		frame 2 {"type":"message","channel":"a","offset":7,"tag":"t7","id":"m7","time":1,"data":7}`},
	{"make before break: the old link goes on, the new one repeats", subscribedA + `
		open 2
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		ping` + helloAgain + `
		ping
		frame 1 {"type":"message","channel":"a","offset":6,"tag":"t6","id":"m6","time":1,"data":6}
		frame 2 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		frame 2 {"type":"message","channel":"a","offset":6,"tag":"t6","id":"m6","time":1,"data":6}
		frame 1 {"type":"disconnect","code":"superseded","reason":"a newer transport took over","retry":false}
		ping`},
	{"new session: subscribed again from the cursor", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		lost 1
		open 2` + helloAnew + `
		frame 2 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":5,"tag":"t5","recovered":true}
		frame 2 {"type":"message","channel":"a","offset":6,"tag":"t6","id":"m6","time":1,"data":6}`},
	{"hole: subscribed again, and nothing is handed out until that is answered", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":7,"tag":"t7","id":"m7","time":1,"data":7}
		frame 1 {"type":"message","channel":"a","offset":8,"tag":"t8","id":"m8","time":1,"data":8}
		frame 1 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":4,"tag":"t4","recovered":true}
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		frame 1 {"type":"message","channel":"a","offset":6,"tag":"t6","id":"m6","time":1,"data":6}`},
	{"what rules ended is asked for again, from where it was, and told once", subscribedA + `
		frame 1 {"type":"unsubscribed","channel":"a","code":"forbidden","message":"m","hint":"h"}
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		ping
		ask
		ask
		frame 1 {"type":"error","id":2,"code":"forbidden","message":"m","hint":"h","retry":false}
		ask
		frame 1 {"type":"error","id":3,"code":"overloaded","message":"m","hint":"h","retry":true}
		ask
		retry
		frame 1 {"type":"error","id":4,"code":"forbidden","message":"m","hint":"h","retry":false}
		lost 1
		ask
		open 2` + helloAnew + `
		frame 2 {"type":"subscribed","id":5,"channel":"a","epoch":"e","offset":4,"tag":"t4","recovered":true}
		frame 2 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		ask
		frame 2 {"type":"unsubscribed","channel":"a","code":"forbidden","message":"m","hint":"h"}
		unsubscribe 1
		ask`},
	{"what is unsubscribed while it is asked for again ends", subscribedA + `
		frame 1 {"type":"unsubscribed","channel":"a","code":"forbidden","message":"m","hint":"h"}
		ask
		unsubscribe 1
		frame 1 {"type":"error","id":2,"code":"forbidden","message":"m","hint":"h","retry":false}
		ask`},
	{"what rules ended and is refused for another reason then is forgotten", subscribedA + `
		frame 1 {"type":"unsubscribed","channel":"a","code":"forbidden","message":"m","hint":"h"}
		ask
		frame 1 {"type":"error","id":2,"code":"limit_exceeded","message":"m","hint":"h","retry":false}
		ask`},
	{"what was refused at first stays refused", hello + `
		subscribe b
		frame 1 {"type":"error","id":1,"code":"forbidden","message":"m","hint":"h","retry":false}
		ask
		lost 1
		open 2` + helloAnew + `
		ask`},
	{"repetitions are dropped", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		frame 1 {"type":"message","channel":"a","offset":4,"tag":"t4","id":"m4","time":1,"data":4}
		frame 1 {"type":"message","channel":"a","offset":6,"tag":"t6","id":"m6","time":1,"data":6}`},
	{"seen id: a message that the broker numbered twice is handed out once", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		frame 1 {"type":"gap","channel":"a","reason":"epoch_changed","last":{"epoch":"e","offset":5,"tag":"t5"},"from":{"epoch":"f","offset":0,"tag":""}}
		frame 1 {"type":"message","channel":"a","offset":1,"tag":"u1","id":"m5","time":2,"data":5}
		frame 1 {"type":"message","channel":"a","offset":2,"tag":"u2","id":"m6","time":2,"data":6}
		lost 1
		open 2` + helloAnew},
	{"a gap answers the subscribe, and is told once", subscribedA + `
		lost 1
		open 2` + helloAnew + `
		frame 2 {"type":"gap","id":2,"channel":"a","reason":"history_expired","last":{"epoch":"e","offset":4,"tag":"t4"},"from":{"epoch":"e","offset":40,"tag":"t40"}}
		frame 2 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":40,"tag":"t40","recovered":false}
		frame 2 {"type":"message","channel":"a","offset":41,"tag":"t41","id":"m41","time":1,"data":41}`},
	{"not recovered and no gap: the client tells one", subscribedA + `
		lost 1
		open 2` + helloAnew + `
		frame 2 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":40,"tag":"t40","recovered":false}`},
	{"recovered from another place: a gap", subscribedA + `
		lost 1
		open 2` + helloAnew + `
		frame 2 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":6,"tag":"t6","recovered":true}`},
	{"gap while live", subscribedA + `
		frame 1 {"type":"gap","channel":"a","reason":"feed_lost","last":{"epoch":"e","offset":4,"tag":"t4"},"from":{"epoch":"e","offset":9,"tag":"t9"}}
		frame 1 {"type":"message","channel":"a","offset":10,"tag":"t10","id":"m10","time":1,"data":10}`},
	{"a gap without id is dropped while a subscribe waits", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":9,"tag":"t9","id":"m9","time":1,"data":9}
		frame 1 {"type":"gap","channel":"a","reason":"feed_lost","from":{"epoch":"e","offset":9,"tag":"t9"}}
		frame 1 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":4,"tag":"t4","recovered":true}`},
	{"an answer to an older subscribe is ignored", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":9,"tag":"t9","id":"m9","time":1,"data":9}
		lost 1
		open 2` + helloAgain + `
		frame 2 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":4,"tag":"t4","recovered":true}
		frame 2 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		frame 2 {"type":"subscribed","id":3,"channel":"a","epoch":"e","offset":4,"tag":"t4","recovered":true}
		frame 2 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}`},
	{"a message of another epoch", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5,"epoch":"f"}`},
	{"volatile messages have no place", subscribedA + `
		frame 1 {"type":"message","channel":"a","volatile":true,"id":"v1","time":1,"data":"now"}
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}`},
	{"filtered: holes are told by prev and position", `
		subscribe a {"equals":{"k":1}}` + hello + `
		frame 1 {"type":"subscribed","id":1,"channel":"a","room":"r1","epoch":"e","offset":4,"tag":"t4","recovered":false}
		frame 1 {"type":"message","channel":"a","room":"r1","offset":7,"prev":4,"tag":"t7","id":"m7","time":1,"data":7}
		frame 1 {"type":"position","channel":"a","room":"r1","epoch":"e","offset":9,"tag":"t9"}
		frame 1 {"type":"message","channel":"a","room":"r1","offset":12,"prev":9,"tag":"t12","id":"m12","time":1,"data":12}
		frame 1 {"type":"message","channel":"a","room":"r1","offset":20,"prev":15,"tag":"t20","id":"m20","time":1,"data":20}`},
	{"filtered: a position of another epoch", `
		subscribe a {"equals":{"k":1}}` + hello + `
		frame 1 {"type":"subscribed","id":1,"channel":"a","room":"r1","epoch":"e","offset":4,"tag":"t4","recovered":false}
		frame 1 {"type":"position","channel":"a","room":"r1","epoch":"f","offset":9,"tag":"t9"}`},
	{"one channel with and without a filter: a room that is not named yet takes nothing", `
		subscribe a {"equals":{"k":1}}
		subscribe a` + hello + `
		frame 1 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":4,"tag":"t4","recovered":false}
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		frame 1 {"type":"subscribed","id":1,"channel":"a","room":"r1","epoch":"e","offset":5,"tag":"t5","recovered":false}
		frame 1 {"type":"message","channel":"a","offset":6,"tag":"t6","id":"m6","time":1,"data":6}
		frame 1 {"type":"message","channel":"a","room":"r1","offset":6,"tag":"t6","id":"m6","time":1,"data":6}`},
	{"one room: filters that are equal and not written alike", `
		subscribe a {"equals":{"k":1}}
		subscribe a {"in":{"k":[1]}}` + hello + `
		frame 1 {"type":"subscribed","id":1,"channel":"a","room":"r1","epoch":"e","offset":4,"tag":"t4","recovered":false}
		frame 1 {"type":"message","channel":"a","room":"r1","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		frame 1 {"type":"subscribed","id":2,"channel":"a","room":"r1","epoch":"e","offset":5,"tag":"t5","recovered":false}
		frame 1 {"type":"message","channel":"a","room":"r1","offset":6,"tag":"t6","id":"m6","time":1,"data":6}
		frame 1 {"type":"position","channel":"a","room":"r1","epoch":"e","offset":8,"tag":"t8"}
		frame 1 {"type":"gap","channel":"a","room":"r1","reason":"feed_lost","last":{"epoch":"e","offset":8,"tag":"t8"},"from":{"epoch":"e","offset":9,"tag":"t9"}}
		frame 1 {"type":"message","channel":"a","room":"r1","offset":12,"prev":11,"tag":"t12","id":"m12","time":1,"data":12}
		frame 1 {"type":"subscribed","id":4,"channel":"a","room":"r1","epoch":"e","offset":9,"tag":"t9","recovered":true}
		unsubscribe 1
		frame 1 {"type":"message","channel":"a","room":"r1","offset":12,"prev":9,"tag":"t12","id":"m12","time":1,"data":12}
		frame 1 {"type":"unsubscribed","channel":"a","room":"r1","code":"removed","message":"m","hint":"h"}`},
	{"unsubscribed before its room was named", `
		subscribe a {"equals":{"k":1}}
		subscribe a` + hello + `
		unsubscribe 1
		frame 1 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":4,"tag":"t4","recovered":false}
		frame 1 {"type":"subscribed","id":1,"channel":"a","room":"r1","epoch":"e","offset":4,"tag":"t4","recovered":false}
		frame 1 {"type":"reply","id":3}
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}`},
	{"unsubscribed before its room was named, and subscribed again", `
		subscribe a {"equals":{"k":1}}` + hello + `
		unsubscribe 1
		subscribe a {"equals":{"k":1}}
		frame 1 {"type":"subscribed","id":1,"channel":"a","room":"r1","epoch":"e","offset":4,"tag":"t4","recovered":false}
		frame 1 {"type":"subscribed","id":2,"channel":"a","room":"r1","epoch":"e","offset":4,"tag":"t4","recovered":false}
		frame 1 {"type":"message","channel":"a","room":"r1","offset":5,"tag":"t5","id":"m5","time":1,"data":5}`},
	{"refused for the moment", `
		subscribe a
		subscribe b` + hello + `
		frame 1 {"type":"error","id":1,"code":"broker_unavailable","message":"the broker does not answer","hint":"Try again.","retry":true}
		frame 1 {"type":"subscribed","id":2,"channel":"b","epoch":"e","offset":0,"tag":"","recovered":false}
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		retry
		frame 1 {"type":"subscribed","id":3,"channel":"a","epoch":"e","offset":5,"tag":"t5","recovered":false}`},
	{"refused for good, and ended by the server", `
		subscribe a
		subscribe b` + hello + `
		frame 1 {"type":"error","id":1,"code":"forbidden","message":"the rules do not allow it","hint":"Ask for access.","retry":false}
		frame 1 {"type":"subscribed","id":2,"channel":"b","epoch":"e","offset":0,"tag":"","recovered":false}
		frame 1 {"type":"unsubscribed","channel":"b","code":"forbidden","message":"the rules changed","hint":""}
		frame 1 {"type":"message","channel":"b","offset":1,"tag":"t1","id":"m1","time":1,"data":1}
		lost 1
		open 2` + helloAnew},
	{"requests: sent again with new ids until they are answered", subscribedA + `
		request {"type":"publish","id":1,"channel":"a","data":1,"idempotencyKey":"k1"}
		request {"type":"history","id":1,"channel":"a","limit":2}
		lost 1
		request {"type":"publish","id":1,"channel":"a","data":2,"idempotencyKey":"k2"}
		open 2` + helloAgain + `
		frame 2 {"type":"reply","id":2,"epoch":"e","offset":5,"tag":"t5"}
		frame 2 {"type":"reply","id":4,"epoch":"e","offset":5,"tag":"t5"}
		frame 2 {"type":"error","id":5,"code":"broker_unavailable","message":"the broker does not answer","hint":"","retry":true}
		frame 2 {"type":"reply","id":6,"epoch":"e","offset":6,"tag":"t6"}`},
	{"unsubscribe: sent again on a resume, forgotten with the session", subscribedA + `
		subscribe b
		frame 1 {"type":"subscribed","id":2,"channel":"b","epoch":"e","offset":0,"tag":"","recovered":false}
		unsubscribe 1
		lost 1
		unsubscribe 2
		open 2` + helloAgain + `
		frame 2 {"type":"reply","id":5}
		lost 2
		open 3
		frame 3 {"type":"connected","session":"U","connection":"E","resumed":false,"generation":1,"version":1,"heartbeat":25000,"park":30000,"limits":{"message":65536,"payload":65536,"frames":64,"channel":200,"subscriptions":128}}`},
	{"subscribed anew while an unsubscribe waits", subscribedA + `
		lost 1
		unsubscribe 1
		subscribe a
		open 2` + helloAgain + `
		frame 2 {"type":"subscribed","id":2,"channel":"a","epoch":"e","offset":6,"tag":"t6","recovered":false}`},
	{"disconnect: come back, or not", subscribedA + `
		frame 1 {"type":"disconnect","code":"shutting_down","reason":"this node is going down","retry":true,"after":1000}
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		open 2
		frame 2 {"type":"disconnect","code":"unauthorized","reason":"no valid token","retry":false}`},
	{"goodbye: the next session is new, the cursor stays", subscribedA + `
		frame 1 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		goodbye
		open 2` + helloAnew},
	{"two attempts: only the younger one's answer counts", subscribedA + `
		lost 1
		open 2
		open 3` + helloAgain + `
		frame 3 {"type":"connected","session":"S","connection":"C","resumed":true,"generation":3,"version":1,"heartbeat":25000,"park":30000,"limits":{"message":65536,"payload":65536,"frames":64,"channel":200,"subscriptions":128}}
		frame 2 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}
		frame 3 {"type":"message","channel":"a","offset":5,"tag":"t5","id":"m5","time":1,"data":5}`},
	{"since: from a stored position", `
		subscribe a since {"epoch":"e","offset":3,"tag":"t3"}` + hello + `
		frame 1 {"type":"subscribed","id":1,"channel":"a","epoch":"e","offset":3,"tag":"t3","recovered":true}
		frame 1 {"type":"message","channel":"a","offset":4,"tag":"t4","id":"m4","time":1,"data":4}`},
	{"other frames", hello + `
		frame 1 {"type":"event","event":"greeting","data":{"a":1}}
		frame 1 {"type":"error","code":"rate_limited","message":"too many","hint":"","retry":true}
		frame 1 {"type":"something new","x":1}`},
	{"a report after 256 counted frames", hello + strings.Repeat(`
		frame 1 {"type":"event","event":"e","data":1}`, 256)},
	{"seventy subscriptions leave in two messages", strings.Join(manySubscribes(), "\n") + hello},
}

func manySubscribes() (out []string) {
	for i := range 70 {
		out = append(out, fmt.Sprint("subscribe c", i))
	}
	return out
}
