package access

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Signer makes tokens, as the backend of an application does: for `tidings token`, for tests, and for programs that
// embed Tidings.
type Signer struct {
	method jwt.SigningMethod
	key    any
	id     string
}

// NewSigner makes a signer with a secret (HS256), as TokenConfig.Secret has it.
func NewSigner(secret []byte) (*Signer, error) {
	k, err := newKey("", "", secret)
	if err != nil {
		return nil, err
	}
	return &Signer{method: jwt.GetSigningMethod(k.algorithm), key: secret}, nil
}

// NewPEMSigner makes a signer with a private key, PKCS 8, PKCS 1 or SEC 1. id, if not "", is the key's id that its
// tokens name.
func NewPEMSigner(text []byte, id string) (*Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a PEM block of a private key")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		err = fmt.Errorf("a PEM block %q", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("not a private key: %w", err)
	}
	var public crypto.PublicKey
	switch k := key.(type) {
	case *rsa.PrivateKey:
		public = &k.PublicKey
	case *ecdsa.PrivateKey:
		public = &k.PublicKey
	case ed25519.PrivateKey:
		public = k.Public()
	}
	k, err := newKey(id, "", public)
	if err != nil {
		return nil, err
	}
	return &Signer{method: jwt.GetSigningMethod(k.algorithm), key: key, id: id}, nil
}

// TokenClaims are what a token is to say.
type TokenClaims struct {
	Issuer, Audience, User string
	ID                     string // "": a random one
	Lifetime               time.Duration
	Claims                 map[string]any // beside these: "roles", "permissions" and what rules name
}

// Sign makes a token, valid from now on.
func (s *Signer) Sign(c TokenClaims) (string, error) {
	if c.ID == "" {
		var b [12]byte
		rand.Read(b[:])
		c.ID = base64.RawURLEncoding.EncodeToString(b[:])
	}
	now := time.Now()
	all := jwt.MapClaims{}
	maps.Copy(all, c.Claims)
	maps.Copy(all, jwt.MapClaims{
		"iss": c.Issuer, "aud": c.Audience, "sub": c.User, "jti": c.ID, "iat": now.Unix(), "exp": now.Add(c.Lifetime).Unix(),
	})
	t := jwt.NewWithClaims(s.method, all)
	if s.id != "" {
		t.Header["kid"] = s.id
	}
	return t.SignedString(s.key)
}
