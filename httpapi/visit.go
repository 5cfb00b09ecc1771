package httpapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/protocol"
)

// visit is the answer to /api/session.
type visit struct {
	On     bool     `json:"on"`               // there is a key that the admin page can be opened with
	Key    string   `json:"key,omitempty"`    // whose: its name; absent if nobody has signed in
	Scopes []string `json:"scopes,omitempty"` // absent: everything
	Ends   int64    `json:"ends,omitempty"`   // Unix milliseconds; absent with --dev, which needs no key
}

// ifAdmin serves the admin page only if there is a key that could sign in, or with --dev, where none is needed.
func (a *API) ifAdmin(serve gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		if a.keys.adminOn() || a.keys.developing(c.Request) {
			serve(c)
			return
		}
		a.refuse(c, &protocol.Error{Code: protocol.CodeNotFound, Reason: "the admin page is off", Hint: "It opens with an API key that has the scope admin=**, or no scopes: add one where the server's keys are listed, and send the server SIGHUP."})
	}
}

// onVisit serves GET /api/session, without a key: who has signed in, if anybody has.
func (a *API) onVisit(c *gin.Context) {
	found := visit{On: a.keys.adminOn()}
	if b, ends, ok := a.keys.visit(c.Request); ok {
		found = visitOf(b, ends)
	} else if a.keys.developing(c.Request) {
		found = visit{On: true, Key: developer.Principal()}
	}
	answer(c, found)
}

func visitOf(b access.Backend, ends time.Time) visit {
	_, name, _ := strings.Cut(b.Principal(), ":")
	return visit{On: true, Key: name, Scopes: b.Scopes(), Ends: ends.UnixMilli()}
}

// onVisitBegin serves POST /api/session: the key in the Authorization header is exchanged for a cookie.
func (a *API) onVisitBegin(c *gin.Context) {
	b, err := a.signIn(c)
	if err != nil {
		a.refuse(c, err)
		return
	}
	_, key, _ := strings.Cut(c.Request.Header.Get("Authorization"), " ")
	text, ends := a.keys.visits.Begin(strings.TrimSpace(key), time.Now())
	a.setVisit(c, text, ends)
	answer(c, visitOf(b, ends))
}

func (a *API) signIn(c *gin.Context) (access.Backend, error) {
	r := c.Request
	if len(r.Header["Authorization"]) == 0 {
		return access.Backend{}, &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "there is no API key to sign in with", Hint: "Send one, as Authorization: Bearer <key>."}
	}
	if !a.keys.ownPage(r) {
		return access.Backend{}, &protocol.Error{Code: protocol.CodeForbidden, Reason: "the request is not of a page of this server", Hint: "Sign in at /admin/. A proxy in front must pass the Host header on."}
	}
	if strings.HasPrefix(r.Header.Get("Origin"), "http://") && !a.keys.near(r) {
		return access.Backend{}, &protocol.Error{Code: protocol.CodeForbidden, Reason: "the page came over http, where everybody on the way can read the key", Hint: "Open it over https, or on the server itself: ssh -L 8080:127.0.0.1:8080 brings it there."}
	}
	b, err := a.keys.backend(r)
	if err != nil {
		return access.Backend{}, err
	}
	n := noteOf(c)
	n.backend, n.visiting = b, true
	return b, b.MayEverywhere(access.ActionAdmin)
}

// onVisitEnd serves DELETE /api/session: this browser forgets the cookie.
func (a *API) onVisitEnd(c *gin.Context) {
	err := a.admit(c)
	if err == nil {
		err = backendOf(c).MayEverywhere(access.ActionAdmin)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	a.setVisit(c, "", time.Time{})
	answer(c, visit{On: a.keys.adminOn()})
}

// setVisit sets the cookie, or removes it if the text is "". A browser sends it over https only, but for that of a
// server on the same machine or with --dev.
func (a *API) setVisit(c *gin.Context, text string, ends time.Time) {
	cookie := http.Cookie{
		Name: visitCookie, Value: text, Path: a.base + "/", Expires: ends, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: !a.keys.near(c.Request),
	}
	if text == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Writer, &cookie)
}
