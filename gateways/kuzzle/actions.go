package kuzzle

import "slices"

// action carries out a request: it answers, or asks the bus and answers later. It is called with the talk's lock held.
type action func(t *talk, r *request) *fault

// actions returns those that there are, by controller.
func actions() map[string]map[string]action {
	all := map[string]map[string]action{
		"realtime": {"subscribe": (*talk).subscribe, "unsubscribe": (*talk).unsubscribe, "publish": (*talk).publish, "count": (*talk).count},
		"server":   {"now": (*talk).now, "info": (*talk).info, "adminExists": (*talk).adminExists, "publicApi": (*talk).publicAPI},
		"auth": {"login": (*talk).login, "checkToken": (*talk).checkToken, "logout": (*talk).logout, "getCurrentUser": (*talk).getCurrentUser,
			"getStrategies": (*talk).getStrategies, "getMyRights": (*talk).getMyRights},
		"document": {
			"get": (*talk).get, "exists": (*talk).exists, "mGet": (*talk).mGet, "mExists": (*talk).mExists, "mDelete": (*talk).mDelete,
			"search": (*talk).search, "scroll": (*talk).scroll, "count": (*talk).countDocuments,
		},
		"bulk": {"write": (*talk).bulkWrite, "mWrite": (*talk).bulkMWrite, "import": (*talk).bulkImport},
		"collection": {
			"create": (*talk).createCollection, "exists": (*talk).collectionExists, "list": (*talk).listCollections, "refresh": (*talk).refresh,
			"truncate": onCollection("truncate"), "delete": onCollection("dropCollection"),
		},
		"index": {"create": (*talk).createIndex, "exists": (*talk).indexExists, "list": (*talk).listIndexes, "delete": (*talk).deleteIndex},
	}
	for name, w := range writes {
		all["document"][name] = func(t *talk, r *request) *fault { return t.write(r, w, false) }
	}
	for name, native := range map[string]string{"mCreate": "create", "mCreateOrReplace": "put", "mReplace": "replace", "mUpdate": "patch", "mUpsert": "upsert"} {
		all["document"][name] = func(t *talk, r *request) *fault { return t.writeMany(r, native, false) }
	}
	for _, name := range [...]string{"deleteByQuery", "updateByQuery"} {
		all["document"][name] = func(t *talk, r *request) *fault { return t.byQuery(r, false) }
		all["bulk"][name] = func(t *talk, r *request) *fault { return t.byQuery(r, true) }
	}
	return all
}

// lacking are the actions that the original has and this gateway has not. A controller without a list is lacking as a
// whole.
var lacking = map[string][]string{
	"realtime":   {"join", "list", "validate"},
	"server":     {"getAllStats", "getConfig", "getLastStats", "getStats", "healthCheck", "capabilities", "metrics", "openapi"},
	"auth":       {"refreshToken", "checkRights", "createApiKey", "createMyCredentials", "createToken", "credentialsExist", "deleteApiKey", "deleteMyCredentials", "getMyCredentials", "searchApiKeys", "updateMyCredentials", "updateSelf", "validateMyCredentials"},
	"document":   {"validate", "export"},
	"collection": {"getMapping", "update", "updateMapping", "updateSpecifications", "getSpecifications", "deleteSpecifications", "searchSpecifications", "validateSpecifications", "scrollSpecifications", "getSettings"},
	"index":      {"mDelete", "stats"},
	"security":   nil,
	"ms":         nil,
	"admin":      nil,
	"cluster":    nil,
	"debug":      nil,
}

// actionFor returns the action that a request names. What Kuzzle has and this gateway has not is said to be so, and
// only what Kuzzle has not either is not found.
func (l *Language) actionFor(r *request) (action, *fault) {
	known, there := l.actions[r.controller]
	if a := known[r.action]; a != nil {
		return a, nil
	}
	missing, lacks := lacking[r.controller]
	switch {
	case lacks && missing == nil && !there:
		return nil, l.lacks(r.controller) // the action is a client's text, and no name of a metric
	case slices.Contains(missing, r.action):
		return nil, l.lacks(r.controller + ":" + r.action)
	case !there:
		return nil, failure(noController, r.controller)
	}
	return nil, failure(noAction, r.controller, r.action)
}
