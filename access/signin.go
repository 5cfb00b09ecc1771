package access

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"tidings/protocol"
)

// SignInMethod is the method of a call by which a client signs in with credentials.
const SignInMethod = "sign_in"

// SignIn checks credentials and makes tokens, for clients that have nobody else who does. Whoever knows the user, the
// token is this server's own.
type SignIn struct {
	// Users are those of a file, for the strategy "local": {"username", "password"}, or {"email", "password"}. Nil: Ask
	// is asked.
	Users *Users
	// Ask has the application check credentials. data is {"strategy", "credentials"}; the answer is {"user", "roles",
	// "permissions", "claims", "profile", "ttl"}, of which all but the user may be absent. ttl is in milliseconds.
	Ask func(ctx context.Context, data []byte) ([]byte, error)

	Signer           *Signer
	Issuer, Audience string
	Lifetime         time.Duration // of a token, at most
	// RolesClaim and PermissionsClaim are where the verifier looks for them.
	RolesClaim, PermissionsClaim string

	once  sync.Once
	mu    sync.Mutex
	tries *lru.Cache[string, tries] // guarded by mu; by name and by address
}

// tries are the attempts of late: so many were left at that time.
type tries struct {
	left float64
	at   time.Time
}

// MaxSignIns is how often a name, or an address, may try to sign in within a minute.
const MaxSignIns = 5

// maxTries bounds the names and addresses that are remembered.
const maxTries = 10_000

// Bounds of what the application answers.
const minTokenLife = time.Second

var (
	errCredentials = &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "the name or the password is wrong", Hint: "Try again with other ones."}
	errSignInForm  = &protocol.Error{Code: protocol.CodeBadRequest, Reason: `data must be {"strategy", "credentials"}, and of the strategy "local" the credentials {"username", "password"}`, Hint: "See SPEC.md section 12."}
	errStrategy    = &protocol.Error{Code: protocol.CodeNotFound, Reason: "there is no such strategy", Hint: `This server knows "local".`}
	errTooOften    = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "too many attempts to sign in with this name, or from this address", Hint: "Wait a minute."}
)

// request is the data of a call. Names of fields are compared as JSON has them, which is strict enough: protocol has
// checked the text.
type signInRequest struct {
	Strategy    string          `json:"strategy"`
	Credentials json.RawMessage `json:"credentials"`
	TTL         int64           `json:"ttl"` // milliseconds; 0: as long as may be
}

// signedIn is who credentials are.
type signedIn struct {
	User        string          `json:"user"`
	Roles       []string        `json:"roles"`
	Permissions []string        `json:"permissions"`
	Claims      map[string]any  `json:"claims"`
	Profile     json.RawMessage `json:"profile"`
	TTL         int64           `json:"ttl"`
}

// SignedIn is the answer to a call of SignInMethod.
type SignedIn struct {
	Token   string          `json:"token"`
	User    string          `json:"user"`
	Expires int64           `json:"expires"` // Unix milliseconds
	TTL     int64           `json:"ttl"`     // milliseconds
	Roles   []string        `json:"roles,omitempty"`
	Profile json.RawMessage `json:"profile,omitempty"`
}

// Do carries out a call. address is where its client is, "" if that is not known. It fails with a *protocol.Error,
// which does not say which of name and password was wrong.
func (s *SignIn) Do(ctx context.Context, address string, data []byte) ([]byte, error) {
	var r signInRequest
	if json.Unmarshal(data, &r) != nil || r.Strategy == "" || r.Credentials == nil || r.TTL < 0 {
		return nil, errSignInForm
	}
	var by struct{ Username, Email, Password string }
	json.Unmarshal(r.Credentials, &by) // an application may have others
	name := by.Username
	if name == "" {
		name = by.Email
	}
	if !s.mayTry("name "+r.Strategy+" "+protocol.Cut(name, protocol.MaxNameBytes), name != "") || !s.mayTry("address "+address, address != "") {
		return nil, errTooOften
	}
	who := &signedIn{User: name}
	switch {
	case s.Users == nil:
		asked, _ := json.Marshal(map[string]any{"strategy": r.Strategy, "credentials": r.Credentials})
		answer, err := s.Ask(ctx, asked)
		if err != nil {
			return nil, err
		}
		if json.Unmarshal(answer, who) != nil || CheckUserName(who.User) != nil {
			return nil, errCredentials
		}
	case r.Strategy != "local":
		return nil, errStrategy
	case name == "" || by.Password == "":
		return nil, errSignInForm
	default:
		roles, ok, err := s.Users.Check(ctx, name, by.Password)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, errCredentials
		}
		who.Roles = roles
	}
	return s.token(who, r.TTL)
}

func (s *SignIn) token(who *signedIn, asked int64) ([]byte, error) {
	life := s.Lifetime
	for _, ms := range [...]int64{asked, who.TTL} {
		if ms > 0 && ms < life.Milliseconds() {
			life = max(time.Duration(ms)*time.Millisecond, minTokenLife)
		}
	}
	claims := map[string]any{}
	maps.Copy(claims, who.Claims)
	claims["_id"] = who.User // where kuzzle-sdk looks for it
	if who.Roles != nil {
		claims[s.RolesClaim] = who.Roles
	}
	if who.Permissions != nil {
		claims[s.PermissionsClaim] = who.Permissions
	}
	token, err := s.Signer.Sign(TokenClaims{Issuer: s.Issuer, Audience: s.Audience, User: who.User, Lifetime: life, Claims: claims})
	if err != nil {
		return nil, err
	}
	return json.Marshal(SignedIn{Token: token, User: who.User, Expires: time.Now().Add(life).UnixMilli(), TTL: life.Milliseconds(), Roles: who.Roles, Profile: who.Profile})
}

// mayTry takes one attempt from what key has left, if it is counted.
func (s *SignIn) mayTry(key string, counted bool) bool {
	if !counted {
		return true
	}
	s.once.Do(func() { s.tries, _ = lru.New[string, tries](maxTries) }) // fails for no size above 0
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	had, there := s.tries.Get(key)
	if !there {
		had = tries{left: MaxSignIns, at: now}
	}
	had.left = min(MaxSignIns, had.left+now.Sub(had.at).Minutes()*MaxSignIns)
	had.at = now
	may := had.left >= 1
	if may {
		had.left--
	}
	s.tries.Add(key, had)
	return may
}
