package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say what to examine.
type Options struct {
	URL    string        // the server: a host, its URL, or that of the bus
	Token  string        // for servers that want one; a secret
	Idle   time.Duration // how long the lines stay silent, at most MaxIdle; zero means DefaultIdle, a negative one that this is left out
	Client *http.Client  // nil: one of its own
	By     string        // the program, for the report
	Step   func(string)  // told what is done next; may be nil
}

// How long lines stay silent. The server takes a client for lost that has said nothing for 35 s.
const (
	DefaultIdle = 6 * time.Second
	MaxIdle     = 33 * time.Second
)

// How long is waited for what must come.
const (
	openWait = 5 * time.Second
	echoWait = 4 * time.Second
	maxSkew  = 30 * time.Second
)

// examination is one run.
type examination struct {
	base, token string
	client      *http.Client

	mu    sync.Mutex // guards the rest
	facts Facts
	took  map[string]int64
}

// Run examines a server. It fails if the options cannot work, and with ctx's error; what it finds wrong is in the
// report.
func Run(ctx context.Context, o Options) (*Report, error) {
	address, err := base(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Idle > MaxIdle {
		return nil, fmt.Errorf("a silence of %s is more than %s, after which the server takes a client for lost", o.Idle, MaxIdle)
	}
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	if o.Client == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		defer own.CloseIdleConnections()
		o.Client = &http.Client{Transport: own}
	}
	e := &examination{base: address, token: o.Token, client: o.Client, took: map[string]int64{}, facts: Facts{
		"url": address, "echoSeconds": strconv.Itoa(int(echoWait.Seconds())), "token": "ok", "clock": "unknown",
		"websocket": "untested", "sse": "untested", "poll": "untested", "upload": "untested", "words": "untested", "idle": "untested", "network": "unknown",
	}}
	at := time.Now()
	step := func(what string) {
		if o.Step != nil {
			o.Step(what)
		}
	}
	step("the server")
	if e.askServer(ctx) {
		step("WebSocket, stream and long-poll")
		lines := e.openAll(ctx)
		step("a large request")
		e.upload(ctx, lines["poll"])
		e.words(ctx, lines["poll"])
		if o.Idle > 0 {
			step(fmt.Sprintf("%s of silence", o.Idle))
			e.silence(ctx, lines, o.Idle)
		}
		for _, l := range lines {
			l.leave(ctx)
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	summary, verdicts := Judge(e.facts)
	r := &Report{Version: 1, URL: address, At: at.UTC().Truncate(time.Second), By: o.By, Summary: summary.Code, Verdicts: []string{}, Facts: e.facts, Took: e.took}
	for _, v := range verdicts {
		r.Verdicts = append(r.Verdicts, v.Code)
	}
	return r, nil
}

func (e *examination) note(facts ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := 0; i < len(facts); i += 2 {
		e.facts[facts[i]] = facts[i+1]
	}
}

func (e *examination) connect() string {
	token := ""
	if e.token != "" {
		quoted, _ := json.Marshal(e.token)
		token = `,"token":` + string(quoted)
	}
	return `[{"type":"connect"` + token + `}]`
}

// askServer asks for the negotiation document: whether Tidings is there, over which HTTP, and what time it has.
func (e *examination) askServer(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		e.note("network", network(c.Conn.RemoteAddr().String()))
	}})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.base, nil)
	if err != nil {
		e.note("server", "unreachable")
		return false
	}
	start := time.Now()
	response, err := e.client.Do(request)
	if err != nil {
		e.note("server", "unreachable")
		return false
	}
	defer response.Body.Close()
	took := time.Since(start)
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	var hello struct {
		Version    int
		Transports []string
		Error      struct{ Code, Message string }
	}
	known := json.Unmarshal(text, &hello) == nil
	e.note("http", strings.TrimSuffix(strings.TrimPrefix(response.Proto, "HTTP/"), ".0"))
	switch {
	case known && hello.Error.Code != "":
		e.note("server", "refused", "serverCode", hello.Error.Code, "serverSays", hello.Error.Message)
		return false
	case !known || hello.Version == 0 || len(hello.Transports) == 0:
		e.note("server", "foreign", "serverStatus", strconv.Itoa(response.StatusCode))
		return false
	}
	e.note("server", "ok")
	e.took["server"] = took.Milliseconds()
	e.compareClocks(response.Header.Get("Date"), start.Add(took/2))
	return true
}

func (e *examination) compareClocks(date string, here time.Time) {
	there, err := http.ParseTime(date)
	if err != nil {
		return
	}
	skew := here.Sub(there.Add(time.Second / 2)) // the header is cut to seconds
	e.note("clock", "ok", "clockSkew", strconv.Itoa(int(skew.Abs().Seconds())))
	if skew.Abs() > maxSkew {
		e.note("clock", "off")
	}
}

// openAll tries each transport at the same time, and returns the lines that work.
func (e *examination) openAll(ctx context.Context) map[string]*line {
	lines := map[string]*line{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for name, try := range map[string]func(context.Context) *line{"websocket": e.tryWebSocket, "sse": e.tryStream, "poll": e.tryPoll} {
		all.Go(func() {
			start := time.Now()
			l := try(ctx)
			if l == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			lines[name], e.took[name] = l, time.Since(start).Milliseconds()
		})
	}
	all.Wait()
	return lines
}

func (e *examination) tryWebSocket(life context.Context) *line {
	ctx, cancel := context.WithTimeout(life, openWait)
	defer cancel()
	l, err := e.openWebSocket(ctx, life)
	if err != nil {
		e.note("websocket", "refused", "websocketStatusText", statusText(err))
		return nil
	}
	ctx, cancel = context.WithTimeout(life, echoWait)
	defer cancel()
	if err := l.ping(ctx, 1); err != nil {
		l.close()
		e.note("websocket", "eaten")
		return nil
	}
	e.note("websocket", "ok")
	if err := l.send(ctx, e.connect()); err == nil {
		if _, err = l.await(ctx, "connected", 0); err == nil {
			return l
		}
		e.wantsToken(err)
	}
	l.close()
	return nil
}

func (e *examination) tryStream(life context.Context) *line {
	life, stop := context.WithCancel(life)
	timer := time.AfterFunc(openWait, stop) // a proxy that buffers does not even pass the header on
	l, err := e.openStream(life)
	timer.Stop()
	if err != nil {
		stop()
		if !e.wantsToken(err) {
			e.noteStream(err)
		}
		return nil
	}
	inner := l.close
	l.close = func() { inner(); stop() }
	ctx, cancel := context.WithTimeout(life, echoWait)
	defer cancel()
	connected, err := l.await(ctx, "connected", 0)
	if err == nil {
		l.send = e.upstream(connected.Session)
		err = l.ping(ctx, 1)
	}
	if err != nil {
		l.close()
		if !e.wantsToken(err) {
			e.noteStream(err)
		}
		return nil
	}
	e.note("sse", "ok")
	return l
}

func (e *examination) noteStream(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		e.note("sse", "buffered")
		return
	}
	e.note("sse", "failed", "sseStatusText", statusText(err))
}

func (e *examination) tryPoll(life context.Context) *line {
	ctx, cancel := context.WithTimeout(life, openWait+echoWait)
	defer cancel()
	l, err := e.openPoll(ctx, life)
	if err == nil {
		var connected frame
		if connected, err = l.await(ctx, "connected", 0); err == nil {
			l.send = e.upstream(connected.Session)
			if err = l.ping(ctx, 1); err != nil {
				l.close()
			}
		}
	}
	if err != nil {
		if !e.wantsToken(err) {
			e.note("poll", "failed", "pollStatusText", statusText(err))
		}
		return nil
	}
	e.note("poll", "ok")
	return l
}

// wantsToken reports whether Tidings itself refused, for want of a token.
func (e *examination) wantsToken(err error) bool {
	var d *decline
	if !errors.As(err, &d) || d.code != "unauthorized" && d.code != "token_expired" && d.code != "forbidden" {
		return false
	}
	e.note("token", "needed", "tokenCode", d.code)
	return true
}

// upstream sends frames beside a stream or a poll, each body with the next number.
func (e *examination) upstream(session string) func(context.Context, string) error {
	var mu sync.Mutex
	seq := 0
	return func(ctx context.Context, f string) error {
		mu.Lock()
		defer mu.Unlock()
		response, err := e.post(ctx, "/send", fmt.Sprintf(`{"session":%q,"seq":%d,"frames":[%s]}`, session, seq+1, f))
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return e.refusal(response)
		}
		response.Body.Close()
		seq++
		return nil
	}
}

// silence sends nothing for a while, and then asks whether the lines are still there.
func (e *examination) silence(ctx context.Context, lines map[string]*line, idle time.Duration) {
	if len(lines) == 0 {
		return
	}
	start := time.Now()
	cut := map[string]time.Duration{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for name, l := range lines {
		all.Go(func() {
			quiet, cancel := context.WithTimeout(ctx, idle)
			_, err := l.await(quiet, "", 0) // no frame has this type
			cancel()
			if errors.Is(err, context.DeadlineExceeded) {
				echo, cancel := context.WithTimeout(ctx, echoWait)
				defer cancel()
				if l.ping(echo, 2) == nil {
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			cut[name] = min(time.Since(start), idle)
		})
	}
	all.Wait()
	e.note("idle", "ok", "idleTested", seconds(idle))
	if len(cut) > 0 {
		e.note("idle", "cut", "idleOn", strings.Join(slices.Sorted(maps.Keys(cut)), ", "), "idleCutAfter", seconds(slices.Min(slices.Collect(maps.Values(cut)))))
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Round(time.Second).Seconds())) }

// leave sends a goodbye, so that the server keeps nothing for this client.
func (l *line) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = l.send(ctx, `{"type":"disconnect"}`)
	l.close()
}

// statusText is how a failure stands in a sentence.
func statusText(err error) string {
	var b *badStatus
	var d *decline
	switch {
	case errors.As(err, &b):
		return fmt.Sprintf(" (status %d)", b.status)
	case errors.As(err, &d):
		return " (" + d.code + ")"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return " (no answer in time)"
	}
	return ""
}
