package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tidings/access"
	"tidings/actors"
	"tidings/documents"
	"tidings/protocol"
	"tidings/store"
)

type openAPI struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	OperationID string `yaml:"operationId"`
	Security    *[]map[string][]string
	Parameters  []struct {
		Name, In string
		Schema   schema
	}
	RequestBody struct {
		Content map[string]struct{ Schema schema }
	} `yaml:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct{ Schema schema }
		Codes   []protocol.Code `yaml:"x-codes"`
	}
}

type schema struct {
	Ref        string `yaml:"$ref"`
	Type       string
	Enum       []string
	Required   []string
	Properties map[string]schema
	Closed     *bool `yaml:"additionalProperties"`
	MaxItems   int   `yaml:"maxItems"`
	MaxLength  int   `yaml:"maxLength"`
	Maximum    int
	Default    any
	Items      *schema
	OneOf      []schema `yaml:"oneOf"`
}

func readOpenAPI(t *testing.T) (doc openAPI) {
	t.Helper()
	if err := yaml.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Fatalf("it is %q", doc.OpenAPI)
	}
	return doc
}

// placeholders are gin's of a path; the description writes {id} for :id.
var placeholders = regexp.MustCompile(`/:([a-z]+)`)

// Every route of the API is described, and everything that is described is routed.
func TestDescriptionAgreesWithTheRoutes(t *testing.T) {
	doc := readOpenAPI(t)
	routed := map[string]bool{}
	for _, r := range start(t).api.engine.Routes() {
		if strings.HasPrefix(r.Path, "/api/") || slices.Contains([]string{"/healthz", "/readyz", "/metrics"}, r.Path) {
			routed[strings.ToLower(r.Method)+" "+placeholders.ReplaceAllString(r.Path, "/{$1}")] = true
		}
	}
	ids := map[string]bool{}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			if name := method + " " + path; !routed[name] {
				t.Errorf("%s is described and not routed", name)
			} else {
				delete(routed, name)
			}
			if op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s has no operationId of its own", method, path)
			}
			ids[op.OperationID] = true
		}
	}
	for name := range routed {
		t.Errorf("%s is routed and not described", name)
	}
}

// Every code that is described exists, and is one of the enumeration; every reference leads somewhere.
func TestDescriptionNamesCodesThatExist(t *testing.T) {
	doc := readOpenAPI(t)
	listed := doc.Components.Schemas["Code"].Enum
	for _, code := range listed {
		if row := protocol.Code(code).Row(); string(row.Code) != code {
			t.Errorf("%s is no code", code)
		}
	}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			for status, r := range op.Responses {
				for _, code := range r.Codes {
					if !slices.Contains(listed, string(code)) {
						t.Errorf("%s %s: %s is not among the codes", method, path, code)
					}
				}
				if status == "default" && len(r.Codes) == 0 {
					t.Errorf("%s %s names no code", method, path)
				}
			}
		}
	}
	for _, found := range bytes.Split(description, []byte(`$ref: "#/components/schemas/`))[1:] {
		name, _, _ := bytes.Cut(found, []byte(`"`))
		if _, ok := doc.Components.Schemas[string(name)]; !ok {
			t.Errorf("there is no schema %s", name)
		}
	}
	for code := range doc.Components.Schemas {
		if n := strings.Count(string(description), "schemas/"+code+`"`); n == 0 {
			t.Errorf("nothing uses the schema %s", code)
		}
	}
}

// The bodies, queries and answers are what the handlers read and write.
func TestDescriptionAgreesWithTheHandlers(t *testing.T) {
	doc := readOpenAPI(t)
	schemas := doc.Components.Schemas
	for name, fields := range map[string][]string{"Publish": publishFields, "Batch": batchFields, "Item": itemFields, "Reply": replyFields, "Send": sendFields, "Exclude": excludeFields, "Disconnect": disconnectFields, "Revoke": revokeFields, "Grant": grantFields, "Explain": explainFields, "ExplainRules": explainRulesFields, "Search": documents.Fields("search"), "GetMany": documents.Fields("mGet"),
		"Bulk": append(documents.Fields("bulk"), "silent", "user", "idempotencyKey"), "Operation": documents.OperationFields(),
		"ByQuery": append(documents.Fields(documents.ByQuery), "silent", "user"), "Import": append(documents.Fields("import"), "user")} {
		if got := sortedKeys(schemas[name].Properties); !slices.Equal(got, slices.Sorted(slices.Values(fields))) || schemas[name].Closed == nil || *schemas[name].Closed {
			t.Errorf("%s has %q, the handler reads %q and nothing else", name, got, fields)
		}
	}
	for path, names := range map[string][]string{
		"/api/history": historyParameters, "/api/channels": channelsParameters, "/api/connections": connectionsParameters, "/api/why": whyParameters, "/api/tail": tailParameters,
		"/api/presence": presenceParameters, "/api/documents": collectionsParameters,
	} {
		var got []string
		for _, p := range doc.Paths[path]["get"].Parameters {
			got = append(got, p.Name)
			max := 256
			if path == "/api/presence" {
				max = protocol.MaxPresenceMembers
			}
			if p.Name == "limit" && p.Schema.Maximum != max {
				t.Errorf("%s: limit is at most %d", path, p.Schema.Maximum)
			}
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
			t.Errorf("%s has %q, the handler reads %q", path, got, names)
		}
	}
	for name, answer := range map[string]any{
		"Published": published{}, "Reach": reach{}, "Replied": replied{}, "Channels": channelsPage{}, "ChannelInfo": channelInfo{}, "Connections": connectionsPage{},
		"ConnectionInfo": connectionInfo{}, "Sent": sent{}, "Disconnected": disconnected{}, "Revoked": revoked{}, "Granted": granted{}, "Why": whyAnswer{}, "Cluster": clusterAnswer{}, "ClusterBroker": clusterBroker{}, "ClusterNode": clusterNode{}, "ClusterConnections": clusterConnections{}, "Record": whyRecord{}, "Seen": seen{}, "Explained": explained{}, "Session": visit{}, "Stats": stats{}, "Fallback": fallback{}, "HookStats": hookStats{}, "EventStats": eventStats{}, "LimitStats": limitStats{}, "Refusals": refusalsPage{}, "Refusal": refusal{}, "Settings": settingsPage{}, "Setting": Setting{}, "Decision": access.Decision{}, "Ruling": access.Ruling{}, "Condition": explainedCondition{},
		"Written": documents.Written{}, "Searched": documents.Searched{}, "ChangesSeen": store.Seen{}, "Bulked": documents.Bulked{}, "BulkResult": documents.BulkResult{}, "Changed": documents.ChangedMany{}, "GotMany": documents.GotMany{}, "Collections": collectionsPage{},
		"Managed": documents.Managed{}, "Imported": documents.Imported{}, "ImportRefusal": documents.ImportRefusal{},
	} {
		var all, required []string
		for _, f := range reflect.VisibleFields(reflect.TypeOf(answer)) {
			if f.Anonymous || !f.IsExported() {
				continue
			}
			field, option, _ := strings.Cut(f.Tag.Get("json"), ",")
			if all = append(all, field); option != "omitempty" {
				required = append(required, field)
			}
		}
		slices.Sort(all)
		if got := sortedKeys(schemas[name].Properties); !slices.Equal(got, all) {
			t.Errorf("%s has %q, the answer %q", name, got, all)
		}
		if !slices.Equal(schemas[name].Required, required) {
			t.Errorf("%s requires %q, the answer always has %q", name, schemas[name].Required, required)
		}
	}
	verdicts := []actors.Verdict{
		actors.WhyNotPublished, actors.WhyNotSubscribed, actors.WhyUnsubscribed, actors.WhyRefused, actors.WhyBefore, actors.WhyGap, actors.WhyRecovering,
		actors.WhyUnderWay, actors.WhyExcluded, actors.WhyFiltered, actors.WhyWaiting, actors.WhyWritten, actors.WhyDelivered, actors.WhyRecovered, actors.WhySlow, actors.WhyTokenExpired, actors.WhyEnded,
	}
	page, err := os.ReadFile("../docs/HTTP.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verdicts {
		if !strings.Contains(string(page), "| `"+string(v)+"` |") {
			t.Errorf("docs/HTTP.md has no row for %s", v)
		}
	}
	if got := schemas["Why"].Properties["answer"].Enum; fmt.Sprint(got) != fmt.Sprint(verdicts) {
		t.Errorf("why answers %v, described are %v", verdicts, got)
	}
	if n := schemas["Batch"].Properties["items"].MaxItems; n != protocol.MaxBatchItems {
		t.Errorf("a batch has %d items", n)
	}
	if n := schemas["Publish"].Properties["channels"].MaxItems; n != protocol.MaxPublishChannels {
		t.Errorf("a publish has %d channels", n)
	}
	if g := schemas["Grant"].Properties; g["channels"].MaxItems != protocol.MaxPublishChannels || g["session"].MaxLength != maxSessionKey {
		t.Errorf("a grant has %d channels, and a session's key %d bytes", g["channels"].MaxItems, g["session"].MaxLength)
	}
	if n := schemas["Send"].Properties["users"].MaxItems; n != protocol.MaxSendUsers {
		t.Errorf("an event goes to %d users", n)
	}
	if n := schemas["Exclude"].Properties["tab"].MaxLength; n != protocol.MaxTabBytes {
		t.Errorf("a tab's name has %d bytes", n)
	}
	if n := schemas["Channel"].MaxLength; n != protocol.MaxChannelBytes {
		t.Errorf("a channel's name has %d bytes", n)
	}
}

// What is described as open is, and everything else needs a key.
func TestDescriptionAgreesWithTheKeys(t *testing.T) {
	w := start(t)
	for path, operations := range readOpenAPI(t).Paths {
		for method, op := range operations {
			q := request{method: strings.ToUpper(method), path: path, noKey: true}
			if method == "post" {
				q.body = "{}"
			}
			if got, open := w.do(q).Code, op.Security != nil && len(*op.Security) == 0; open != (got == http.StatusOK) || !open && got != http.StatusUnauthorized {
				t.Errorf("%s %s without a key: got %d, described as open: %v", method, path, got, open)
			}
		}
	}
}

func sortedKeys(m map[string]schema) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
