package archtest

// room is what one folder's production code may import. Tests may import more. A folder may always import the standard
// library and what lies in the same room.
type room struct {
	ours    []string // folders
	foreign []string // module paths
}

const (
	protoactor = "github.com/asynkron/protoactor-go"
	websocket  = "github.com/coder/websocket"
	lru        = "github.com/hashicorp/golang-lru/v2"
	gin        = "github.com/gin-gonic/gin"
	prometheus = "github.com/prometheus/client_golang"
	clientSSE  = "github.com/r3labs/sse/v2"
	hdr        = "github.com/HdrHistogram/hdrhistogram-go"
	cobra      = "github.com/spf13/cobra"
	pflag      = "github.com/spf13/pflag"
	koanf      = "github.com/knadh/koanf"
	yaml       = "go.yaml.in/yaml/v3" // koanf's own parser, asked for line numbers
	jwt        = "github.com/golang-jwt/jwt/v5"
	jose       = "github.com/go-jose/go-jose/v4" // its JWK parser alone
	rueidis    = "github.com/redis/rueidis"
	nats       = "github.com/nats-io"
	sqlite     = "modernc.org/sqlite"
	pgx        = "github.com/jackc/pgx/v5"
	otel       = "go.opentelemetry.io/otel"
	gobreaker  = "github.com/sony/gobreaker/v2"
	webhooks   = "github.com/standard-webhooks/standard-webhooks"
	xcrypto    = "golang.org/x/crypto" // acme/autocert
)

// rooms is the import table. The longest name that is a folder of a package's path is its room; a folder that is not here is an
// error, and so is an import that is not: an arrow is added by changing this table, in sight of a reviewer.
var rooms = map[string]room{
	"protocol":           {},
	"core":               {ours: []string{"protocol"}},
	"access":             {ours: []string{"protocol"}, foreign: []string{jwt, jose, lru}},
	"filter":             {ours: []string{"protocol"}, foreign: []string{lru}},
	"broker":             {ours: []string{"protocol", "core"}},
	"broker/redisbroker": {ours: []string{"protocol", "core", "broker"}, foreign: []string{rueidis}},
	"broker/natsbroker":  {ours: []string{"protocol", "core", "broker"}, foreign: []string{nats}},
	"store":              {ours: []string{"protocol", "filter"}},
	"store/sqlitestore":  {ours: []string{"protocol", "filter", "store"}, foreign: []string{sqlite}},
	"store/pgstore":      {ours: []string{"protocol", "filter", "store"}, foreign: []string{pgx}},
	"actors":             {ours: []string{"internal/counts", "internal/patience", "protocol", "core", "broker", "store", "filter", "access"}, foreign: []string{protoactor, lru}},
	"hooks":              {ours: []string{"protocol", "access", "actors"}, foreign: []string{gobreaker, webhooks}},
	"transports":         {ours: []string{"internal/counts", "internal/patience", "protocol", "core"}, foreign: []string{websocket, lru}},
	// The conformance suite of the transports, which tests import: it opens links as real clients do.
	"transports/transporttest": {ours: []string{"protocol", "core", "transports", "internal/memnet"}, foreign: []string{websocket, clientSSE}},
	"httpapi":                  {ours: []string{"protocol", "core", "access", "filter", "broker", "store", "actors", "transports", "clientjs", "internal/counts", "internal/doctor"}, foreign: []string{gin, prometheus}},
	"client":                   {ours: []string{"protocol", "core"}, foreign: []string{websocket, clientSSE}},
	"clientjs":                 {},
	"gateways":                 {ours: []string{"protocol", "actors", "transports"}},
	"sim":                      {ours: []string{"protocol", "core", "client"}, foreign: []string{hdr}},
	"examples":                 {},
	"examples/backend":         {foreign: []string{webhooks}},
	"internal/archtest":        {},
	"internal/doctor":          {foreign: []string{websocket}},
	"internal/memnet":          {},
	"internal/counts":          {},
	"internal/patience":        {},
	"internal/bench":           {ours: []string{"protocol", "client"}, foreign: []string{gin, websocket, hdr}},
	"internal/config":          {ours: []string{"protocol", "access"}, foreign: []string{koanf, yaml, pflag}},
	// The whole server in one process, which tests of examples, pages and proxies import.
	"internal/teststack": {ours: []string{"access", "actors", "broker", "httpapi"}},
	"internal/tools":     {},
	"internal/tracing":   {ours: []string{"protocol"}, foreign: []string{otel}},
	"cmd/tidings":        {ours: []string{"protocol", "core", "access", "broker", "actors", "transports", "hooks", "httpapi", "client", "sim", "examples", "internal/config", "internal/doctor", "internal/tracing"}, foreign: []string{cobra, pflag, xcrypto}},
}
