package kuzzle

import (
	"encoding/json"
	"math/bits"
	"net/http"
	"net/url"
	"strings"
)

// routeTable is what Kuzzle 2.56 has at its URLs: a verb, a path, and the action. Of several routes of an action the
// first is the one that server:publicApi lists, which the SDK takes.
const routeTable = `
GET    /_me                                         auth:getCurrentUser
GET    /users/_me                                   auth:getCurrentUser
GET    /_me/_rights                                 auth:getMyRights
GET    /users/_me/_rights                           auth:getMyRights
PUT    /_me                                         auth:updateSelf
PUT    /_updateSelf                                 auth:updateSelf
GET    /_me/credentials/:strategy                   auth:getMyCredentials
DELETE /_me/credentials/:strategy                   auth:deleteMyCredentials
GET    /_me/credentials/:strategy/_exists           auth:credentialsExist
POST   /_me/credentials/:strategy/_create           auth:createMyCredentials
PUT    /_me/credentials/:strategy/_update           auth:updateMyCredentials
POST   /_me/credentials/:strategy/_validate         auth:validateMyCredentials
GET    /strategies                                  auth:getStrategies
POST   /_login/:strategy                            auth:login
GET    /_login/:strategy                            auth:login
POST   /_logout                                     auth:logout
POST   /_checkToken                                 auth:checkToken
POST   /_refreshToken                               auth:refreshToken
POST   /_checkRights                                auth:checkRights
POST   /_createToken                                auth:createToken
POST   /api-keys/_create                            auth:createApiKey
POST   /api-keys/_search                            auth:searchApiKeys
DELETE /api-keys/:_id                               auth:deleteApiKey
GET    /_now                                        server:now
GET    /_serverInfo                                 server:info
GET    /_adminExists                                server:adminExists
GET    /_publicApi                                  server:publicApi
GET    /_openapi                                    server:openapi
GET    /_healthCheck                                server:healthCheck
GET    /_healthcheck                                server:healthCheck
GET    /_getConfig                                  server:getConfig
GET    /_capabilities                               server:capabilities
GET    /_getStats                                   server:getStats
GET    /_getLastStats                               server:getLastStats
GET    /_getAllStats                                server:getAllStats
GET    /_metrics                                    server:metrics
GET    /_listSubscriptions                          realtime:list
POST   /:index/:collection/_publish                 realtime:publish
POST   /:index/:collection/_create                  document:create
POST   /:index/:collection/:_id/_create             document:create
PUT    /:index/:collection/:_id                     document:createOrReplace
PUT    /:index/:collection/:_id/_replace            document:replace
PATCH  /:index/:collection/:_id/_update             document:update
PUT    /:index/:collection/:_id/_update             document:update
POST   /:index/:collection/:_id/_upsert             document:upsert
PUT    /:index/:collection/:_id/_upsert             document:upsert
DELETE /:index/:collection/:_id                     document:delete
DELETE /:index/:collection/:_id/_fields             document:deleteFields
GET    /:index/:collection/:_id                     document:get
GET    /:index/:collection/:_id/_exists             document:exists
POST   /:index/:collection/_mGet                    document:mGet
GET    /:index/:collection/_mGet                    document:mGet
POST   /:index/:collection/_mExists                 document:mExists
POST   /:index/:collection/_mCreate                 document:mCreate
PUT    /:index/:collection/_mCreateOrReplace        document:mCreateOrReplace
PUT    /:index/:collection/_mReplace                document:mReplace
PATCH  /:index/:collection/_mUpdate                 document:mUpdate
PUT    /:index/:collection/_mUpdate                 document:mUpdate
POST   /:index/:collection/_mUpsert                 document:mUpsert
DELETE /:index/:collection/_mDelete                 document:mDelete
POST   /:index/:collection/_count                   document:count
POST   /:index/:collection/_search                  document:search
GET    /:index/:collection/_search                  document:search
GET    /_scroll/:scrollId                           document:scroll
DELETE /:index/:collection/_query                   document:deleteByQuery
PUT    /:index/:collection/_query                   document:updateByQuery
POST   /:index/:collection/_validate                document:validate
GET    /:index/:collection/_export                  document:export
POST   /:index/:collection/_export                  document:export
POST   /:index/:collection/_bulk                    bulk:import
POST   /:index/:collection/_write                   bulk:write
POST   /:index/:collection/_mWrite                  bulk:mWrite
DELETE /:index/:collection/_bulk/_query             bulk:deleteByQuery
PATCH  /:index/:collection/_bulk/_query             bulk:updateByQuery
PUT    /:index/:collection                          collection:create
POST   /:index/:collection                          collection:update
DELETE /:index/:collection                          collection:delete
GET    /:index/:collection/_exists                  collection:exists
GET    /:index/_list                                collection:list
POST   /:index/:collection/_refresh                 collection:refresh
DELETE /:index/:collection/_truncate                collection:truncate
GET    /:index/:collection/_mapping                 collection:getMapping
PUT    /:index/:collection/_mapping                 collection:updateMapping
GET    /:index/:collection/_settings                collection:getSettings
GET    /:index/:collection/_specifications          collection:getSpecifications
PUT    /:index/:collection/_specifications          collection:updateSpecifications
DELETE /:index/:collection/_specifications          collection:deleteSpecifications
POST   /:index/:collection/_validateSpecifications  collection:validateSpecifications
POST   /validations/_search                         collection:searchSpecifications
GET    /validations/_scroll/:scrollId               collection:scrollSpecifications
POST   /:index/_create                              index:create
GET    /:index/_exists                              index:exists
GET    /_list                                       index:list
DELETE /:index                                      index:delete
DELETE /_mDelete                                    index:mDelete
DELETE /_mdelete                                    index:mDelete
GET    /_storageStats                               index:stats
`

// controllersAt are the controllers that have all URLs below a first part of the path, whatever follows. An index of
// such a name has no URLs, neither here nor in Kuzzle.
var controllersAt = map[string]string{
	"ms": "ms", "admin": "admin", "cluster": "cluster", "debug": "debug", "credentials": "security", "profiles": "security",
	"roles": "security", "users": "security", "_security": "security", "_createFirstAdmin": "security",
}

// route is one URL.
type route struct {
	verb, path         string
	controller, action string
	parts              []string
	fixed              uint8 // which of the parts are no parameters, the first of them the highest bit
}

var routes = func() (all []route) {
	for line := range strings.Lines(routeTable) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		r := route{verb: fields[0], path: fields[1], parts: strings.Split(fields[1][1:], "/")}
		r.controller, r.action, _ = strings.Cut(fields[2], ":")
		for i, part := range r.parts {
			if part[0] != ':' {
				r.fixed |= 1 << (7 - i)
			}
		}
		all = append(all, r)
	}
	return all
}()

// queryPath is where any request can be sent as it is.
const queryPath = "/_query"

// pathOf returns the parts of a request's path, each without its escapes. It returns nil for one that cannot be read.
func pathOf(u *url.URL) (parts []string) {
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		text, err := url.PathUnescape(part)
		if err != nil || text == "" || len(parts) == 8 {
			return nil
		}
		parts = append(parts, text)
	}
	return parts
}

// match reports whether a path is one of the route.
func (r *route) match(parts []string) bool {
	if len(parts) != len(r.parts) {
		return false
	}
	for i, part := range r.parts {
		if part[0] != ':' && part != parts[i] {
			return false
		}
	}
	return true
}

// routeOf returns the route of a path: that with a fixed part where others have a parameter. It returns nil if there
// is none. parts is not empty.
func routeOf(verb string, parts []string) (best *route) {
	for i := range routes {
		r := &routes[i]
		if (verb == http.MethodOptions || r.verb == verb) && r.match(parts) && (best == nil || r.fixed > best.fixed) {
			best = r
		}
	}
	if best == nil || bits.LeadingZeros8(best.fixed) > 0 {
		if controller := controllersAt[parts[0]]; controller != "" {
			return &route{verb: verb, controller: controller}
		}
	}
	return best
}

// publicAPI returns the result of server:publicApi: the URL of each action that there is.
func publicAPI(actions map[string]map[string]action) []byte {
	type place struct {
		Verb string `json:"verb"`
		URL  string `json:"url"`
		Path string `json:"path"`
	}
	type told struct {
		Controller string  `json:"controller"`
		Action     string  `json:"action"`
		HTTP       []place `json:"http"`
	}
	all := map[string]map[string]told{}
	for i := range routes {
		r := &routes[i]
		if _, there := all[r.controller][r.action]; there || actions[r.controller][r.action] == nil {
			continue
		}
		if all[r.controller] == nil {
			all[r.controller] = map[string]told{}
		}
		all[r.controller][r.action] = told{r.controller, r.action, []place{{r.verb, r.path, r.path}}}
	}
	text, _ := json.Marshal(all) // there is nothing in it that cannot be written
	return text
}
