package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"tidings/protocol"
)

func (b *base) header() http.Header {
	h := http.Header{}
	if b.token != "" {
		h.Set("Authorization", "Bearer "+b.token)
	}
	return h
}

// post sends body. The caller closes the answer's body. Any answer but a 2xx is an error: a refused if the bus said
// it.
func (b *base) post(ctx context.Context, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.c.cfg.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = b.header()
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	if f := refusal(resp); f != nil {
		return nil, &refused{f}
	}
	return nil, foreign(path, resp)
}

// exchange is post for a short JSON answer, which must be there before ctx ends.
func (b *base) exchange(ctx context.Context, path string, body []byte) ([]byte, error) {
	resp, err := b.post(ctx, path, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, readMax+1))
	if err != nil {
		return nil, &cutAnswer{path, len(answer), err}
	}
	if len(answer) > readMax {
		err = fmt.Errorf("client: POST %s: an answer above %d bytes", path, readMax)
	}
	return answer, err
}

// CodeForeignAnswer is the code of a request that something on the way answered, such as a firewall, and not the bus.
// It is made by this client and never on the wire.
const CodeForeignAnswer protocol.Code = "foreign_answer"

// foreignAnswer is an answer that is not the bus's.
type foreignAnswer struct{ fault *protocol.Error }

func (e *foreignAnswer) Error() string { return e.fault.Error() }
func (e *foreignAnswer) Unwrap() error { return e.fault }

func foreign(path string, resp *http.Response) error {
	return &foreignAnswer{&protocol.Error{
		Code:   CodeForeignAnswer,
		Reason: fmt.Sprintf("POST %s was answered %s, type %q, and not by the bus", path, resp.Status, resp.Header.Get("Content-Type")),
		Hint:   "Check the URL, and the proxies and firewalls on the way: one of them may refuse what the request says.",
	}}
}

// cutAnswer is an answer that began and did not end.
type cutAnswer struct {
	path string
	n    int // bytes that came
	err  error
}

func (e *cutAnswer) Error() string {
	return fmt.Sprintf("client: POST %s: the answer was cut after %d bytes: %v", e.path, e.n, e.err)
}
func (e *cutAnswer) Unwrap() error { return e.err }

// refused is an error that the bus itself answered over HTTP.
type refused struct{ frame *protocol.ServerFrame }

func (r *refused) Error() string { return string(r.frame.Code) + ": " + r.frame.Reason }

// refusal reads an HTTP error of the bus as the disconnect that it amounts to. It gives nil for what somebody in
// between answered, and for errors that speak of one URL only: another transport may do.
func refusal(resp *http.Response) *protocol.ServerFrame {
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "application/json" {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, protocol.MaxMessageBytes))
	var answer struct {
		Error struct {
			Code          protocol.Code
			Message, Hint string
			Retry         bool
		}
	}
	if err != nil || json.Unmarshal(b, &answer) != nil {
		return nil
	}
	e := answer.Error
	switch e.Code {
	case "", protocol.CodeNotFound, protocol.CodeMethodNotAllowed, protocol.CodeUnsupported, protocol.CodeUnsupportedMediaType,
		protocol.CodeProtocolError, protocol.CodeBadRequest:
		return nil
	}
	f := &protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: e.Code, Reason: e.Message, Hint: e.Hint, Retry: e.Retry}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 && s < 3600 {
		f.AfterMS = (time.Duration(s) * time.Second).Milliseconds()
	}
	return f
}

// disconnect hands f up as if the server had sent it over the link.
func (b *base) disconnect(f *protocol.ServerFrame) error {
	b.up(event{frames: []protocol.ServerFrame{*f}})
	return &refused{f}
}

// given hands up what the bus refused over HTTP.
func (b *base) given(err error) error {
	var r *refused
	if errors.As(err, &r) {
		return b.disconnect(r.frame)
	}
	return err
}

// pause waits, and answers false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
