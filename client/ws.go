package client

import (
	"context"
	"errors"
	"net/http"

	"github.com/coder/websocket"

	"tidings/protocol"
)

// webSocket carries the session over GET /bus/ws.
type webSocket struct{ *base }

var errBinary = errors.New("client: a binary message")

func (l *webSocket) run() error {
	// The context ends the dial. Afterwards reads and writes have none (a context that can end costs a microsecond and
	// ten allocations each): CloseNow ends them.
	conn, resp, err := websocket.Dial(l.ctx, l.c.cfg.URL+"/ws", &websocket.DialOptions{
		HTTPClient: l.c.http,
		HTTPHeader: l.header(),
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			if f := refusal(resp); f != nil {
				return l.disconnect(f)
			}
		}
		return err
	}
	conn.SetReadLimit(readMax)
	l.c.workers.Add(1)
	context.AfterFunc(l.ctx, func() {
		defer l.c.workers.Done()
		_ = conn.CloseNow()
	})
	l.spawn(func() { l.write(conn) })
	err = l.read(conn)
	l.stop()
	return err
}

func (l *webSocket) read(conn *websocket.Conn) error {
	for {
		kind, b, err := conn.Read(context.Background())
		if err != nil {
			return l.closed(err)
		}
		if kind != websocket.MessageText {
			return errBinary
		}
		frames, err := protocol.DecodeServerFrames(b)
		if err != nil {
			return err
		}
		if !l.up(event{frames: frames}) {
			return l.ctx.Err()
		}
	}
}

// closed makes a disconnect of a close number that the server gave, in case its frame did not come.
func (l *webSocket) closed(err error) error {
	var ce websocket.CloseError
	if !errors.As(err, &ce) || protocol.CloseRetries(int(ce.Code)) {
		return err
	}
	f := &protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: protocol.CodeProtocolError, Reason: "the WebSocket was " + ce.Error()}
	for _, row := range protocol.Codes() {
		if row.Close == int(ce.Code) {
			f.Code, f.Retry = row.Code, row.Retry
		}
	}
	return l.disconnect(f)
}

func (l *webSocket) write(conn *websocket.Conn) {
	var b []byte
	for {
		frames, _, ok := l.out.wait(l.ctx, protocol.MaxMessageBytes-len("[]"))
		if !ok {
			return
		}
		if len(frames) == 0 {
			return // goodbye is written; the server closes
		}
		b = protocol.AppendClientFrames(b[:0], frames)
		if err := conn.Write(context.Background(), websocket.MessageText, b); err != nil {
			return // the reader sees it too
		}
	}
}
