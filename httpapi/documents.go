package httpapi

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/documents"
	"tidings/protocol"
	"tidings/store"
	"tidings/transports"
)

// documentRequest is a request that was admitted, as far as its URL and head say.
type documentRequest struct {
	collection store.Collection
	id         string // "" where the URL has none
	query      map[string]string
}

// documents admits a request and reads its URL. It reports false if it refused the request.
func (a *API) documents(c *gin.Context, withID bool, known ...string) (*documentRequest, bool) {
	r, err := a.readDocuments(c, withID, known)
	if err != nil {
		a.refuse(c, err)
		return nil, false
	}
	return r, true
}

func (a *API) readDocuments(c *gin.Context, withID bool, known []string) (*documentRequest, error) {
	err := a.admit(c)
	if err == nil {
		err = backendOf(c).MaySomewhere(access.ActionDocuments)
	}
	if err != nil {
		return nil, err
	}
	r := &documentRequest{}
	if r.collection, err = store.ParseCollection(c.Param("index"), c.Param("collection")); err != nil {
		return nil, err
	}
	if err := backendOf(c).May(access.ActionDocuments, r.collection.Channel()); err != nil {
		return nil, err
	}
	if a.store.Store == nil {
		return nil, documents.ErrNone
	}
	if withID {
		if r.id, err = lastSegment(c.Request); err != nil {
			return nil, err
		}
	}
	r.query, err = parameters(c.Request, known...)
	return r, err
}

// lastSegment returns the id in the URL. gin would read a plus as a space.
func lastSegment(r *http.Request) (string, error) {
	path := r.URL.EscapedPath()
	id, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil {
		return "", badRequest("the document's id is not escaped as URLs want it", "Percent-encode it.")
	}
	return id, store.CheckID(id)
}

// onDocument serves GET /api/documents/{index}/{collection}/{id}.
func (a *API) onDocument(c *gin.Context) {
	r, ok := a.documents(c, true)
	if !ok {
		return
	}
	a.carryOut(c, documents.Get(r.collection, r.id), documents.By{})
}

// carryOut carries a request out and answers it.
func (a *API) carryOut(c *gin.Context, r *documents.Request, by documents.By) {
	by.Principal = backendOf(c).Principal()
	done, err := documents.Do(c.Request.Context(), a.store.Store, r, by)
	setVersion(c, done.Version)
	for _, code := range done.Refused {
		a.refused.Add(code, 1)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	writeJSON(c.Writer, http.StatusOK, done.JSON)
}

func setVersion(c *gin.Context, version uint64) {
	if version != 0 {
		c.Header("ETag", `"`+strconv.FormatUint(version, 10)+`"`)
	}
}

// writeParameters are those of each request that writes one document.
var (
	writeParameters = []string{"silent", "user"}
	patchParameters = []string{"silent", "user", "upsert"}
)

func (a *API) onDocumentCreate(c *gin.Context) { a.writeOne(c, store.Create, false, writeParameters) }
func (a *API) onDocumentPut(c *gin.Context)    { a.writeOne(c, store.Put, true, writeParameters) }
func (a *API) onDocumentPatch(c *gin.Context)  { a.writeOne(c, store.Patch, true, patchParameters) }
func (a *API) onDocumentRemove(c *gin.Context) { a.writeOne(c, store.Remove, true, writeParameters) }

// writeOne serves a request that writes one document.
func (a *API) writeOne(c *gin.Context, do store.Action, withID bool, known []string) {
	r, ok := a.documents(c, withID, known...)
	if !ok {
		return
	}
	w, by, err := a.readOne(c, r, do)
	if err != nil {
		a.refuse(c, err)
		return
	}
	a.carryOut(c, documents.Write(w), by)
}

func (a *API) readOne(c *gin.Context, r *documentRequest, do store.Action) (w store.Write, by documents.By, err error) {
	op := store.Op{Action: do, ID: r.id}
	w.Collection = r.collection
	upsert, err := truth(r.query, "upsert")
	if err == nil {
		w.Silent, err = truth(r.query, "silent")
	}
	if err == nil {
		by.User, err = r.query["user"], short(r.query, protocol.MaxNameBytes, "user")
	}
	if upsert {
		op.Action = store.Upsert
	}
	if err == nil {
		err = readConditions(c.Request, &op)
	}
	if err == nil {
		by.Key, err = readKeyHeader("", c.Request.Header["Idempotency-Key"])
	}
	if err == nil && do != store.Remove {
		op.Content, err = transports.ReadJSON(c.Writer, c.Request, protocol.MaxAPIBodyBytes)
	}
	w.Ops, by.Hash = []store.Op{op}, requestHash(c.Request, op.Content)
	return w, by, err
}

// requestHash returns what keeps requests of one idempotency key apart.
func requestHash(r *http.Request, body []byte) [sha256.Size]byte {
	head := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, strings.Join(r.Header["If-Match"], ","), strings.Join(r.Header["If-None-Match"], ","), ""}, "\n")
	return sha256.Sum256(append([]byte(head), body...))
}

func truth(q map[string]string, name string) (bool, error) {
	text, ok := q[name]
	if !ok {
		return false, nil
	}
	if text != "true" && text != "false" {
		return false, badRequest(`parameter "`+name+`" must be true or false`, "Leave it out for false.")
	}
	return text == "true", nil
}

// readConditions reads If-Match, a version or *, and If-None-Match: *.
func readConditions(r *http.Request, op *store.Op) error {
	match, none := r.Header["If-Match"], r.Header["If-None-Match"]
	switch {
	case len(match)+len(none) == 0:
		return nil
	case len(match)+len(none) > 1:
		return badRequest("several conditions are given", "Send one If-Match, or one If-None-Match.")
	case len(none) == 1:
		if none[0] != "*" || op.Action != store.Put {
			return badRequest("If-None-Match must be *, and with PUT", "It makes a PUT create: the document must not be there.")
		}
		op.Action = store.Create
		return nil
	}
	if op.Action == store.Create || op.Action == store.Upsert {
		return badRequest("If-Match is for a document that is there", "Send it with PUT, PATCH or DELETE, and without upsert.")
	}
	if op.Action == store.Put {
		op.Action = store.Replace
	}
	if match[0] == "*" {
		return nil
	}
	version, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(match[0], `"`), `"`), 10, 64)
	if err != nil || version == 0 || version > protocol.MaxInteger {
		return badRequest("If-Match must be one version, or *", `Send the _version of the document, as If-Match: "7".`)
	}
	op.Version = version
	return nil
}
