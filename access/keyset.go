package access

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// keySet are the keys that tokens are verified with. It does not change.
type keySet struct {
	keys    []verificationKey
	skipped []error // why other keys of the config's key set are of no use
}

// verificationKey is a key with the one algorithm that it is for: a public key cannot be taken for a secret.
type verificationKey struct {
	id        string // "" if a token need not name it
	algorithm string
	key       jwt.VerificationKey
}

const (
	maxKeys    = 100
	minRSABits = 2048
	maxRSABits = 8192 // more would let anybody make us compute
)

// find returns the keys that a token with this header may be verified with: of its algorithm, and of its key id. A
// token that names none gets those without an id, or the only one of the algorithm.
func (s *keySet) find(h header) (set jwt.VerificationKeySet) {
	var only []jwt.VerificationKey
	for i := range s.keys {
		k := &s.keys[i]
		if k.algorithm != h.algorithm {
			continue
		}
		only = append(only, k.key)
		if k.id == "" || k.id == h.key {
			set.Keys = append(set.Keys, k.key)
		}
	}
	if h.key == "" && len(only) == 1 {
		set.Keys = only
	}
	return set
}

// newKey checks a key and pairs it with its algorithm: that of its type if algorithm is "".
func newKey(id, algorithm string, key any) (verificationKey, error) {
	var fits []string // its type's own algorithm first
	switch k := key.(type) {
	case []byte:
		if len(k) < MinSecretBytes {
			return verificationKey{}, fmt.Errorf("a secret shorter than %d bytes can be guessed", MinSecretBytes)
		}
		fits = []string{"HS256", "HS384", "HS512"}
		if algorithm == "HS384" && len(k) < 48 || algorithm == "HS512" && len(k) < 64 {
			return verificationKey{}, fmt.Errorf("a secret of %d bytes is too short for %s", len(k), algorithm)
		}
		if len(bytes.Trim(k, string(k[:1]))) == 0 {
			return verificationKey{}, errors.New("a secret of one repeated character can be guessed")
		}
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSABits || n > maxRSABits {
			return verificationKey{}, fmt.Errorf("an RSA key of %d bits; it must have %d to %d", n, minRSABits, maxRSABits)
		}
		fits = []string{"RS256", "RS384", "RS512"}
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			fits = []string{"ES256"}
		case 384:
			fits = []string{"ES384"}
		case 521:
			fits = []string{"ES512"}
		default:
			return verificationKey{}, errors.New("a curve that is none of P-256, P-384 and P-521")
		}
	case ed25519.PublicKey:
		fits = []string{"EdDSA"}
	default:
		return verificationKey{}, fmt.Errorf("a %T, which is no key to verify with", key)
	}
	if len(id) > maxKeyIDBytes {
		return verificationKey{}, fmt.Errorf("a key id of more than %d bytes", maxKeyIDBytes)
	}
	if algorithm == "" {
		algorithm = fits[0]
	}
	if !slices.Contains(fits, algorithm) {
		return verificationKey{}, fmt.Errorf("%s is no algorithm for this type of key", algorithm)
	}
	return verificationKey{id: id, algorithm: algorithm, key: key}, nil
}

func readPEM(text []byte) (keys []verificationKey, err error) {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		key, err := publicKey(block)
		if err != nil {
			return nil, err
		}
		k, err := newKey("", "", key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 || len(bytes.TrimSpace(text)) > 0 {
		return nil, errors.New("not PEM blocks of public keys")
	}
	return keys, nil
}

func publicKey(block *pem.Block) (crypto.PublicKey, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	}
	return nil, fmt.Errorf("a PEM block %q: only PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE can be verified with", block.Type)
}

// readKeySet reads a JWK set. Keys that are not for verifying, or of a kind that we do not know, are left out, as RFC
// 7517 wants it; skipped names them. Secrets count only if the set is our own: an issuer that shows a secret has none.
func readKeySet(text []byte, own bool) (keys []verificationKey, skipped []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, nil, errors.New("not a JWK set")
	}
	if len(set.Keys) > maxKeys {
		return nil, nil, fmt.Errorf("%d keys, at most %d", len(set.Keys), maxKeys)
	}
	for _, raw := range set.Keys {
		k, err := readJWK(raw, own)
		if err != nil {
			skipped = append(skipped, fmt.Errorf("%s: %w", nameOfJWK(raw), err))
			continue
		}
		for _, other := range keys {
			if other.id == k.id && other.algorithm == k.algorithm && k.id != "" {
				return nil, nil, errors.New("two keys have the same id")
			}
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, nil, errors.Join(append([]error{errors.New("no key to verify with")}, skipped...)...)
	}
	return keys, skipped, nil
}

// nameOfJWK names a key for people, by its id if it has one.
func nameOfJWK(raw json.RawMessage) string {
	var key struct {
		ID string `json:"kid"`
	}
	if json.Unmarshal(raw, &key) != nil || key.ID == "" {
		return "a key without an id"
	}
	return fmt.Sprintf("the key %.64q", key.ID)
}

func readJWK(raw json.RawMessage, own bool) (verificationKey, error) {
	var uses struct {
		Operations []string `json:"key_ops"`
	}
	var jwk jose.JSONWebKey
	if err := errors.Join(json.Unmarshal(raw, &uses), json.Unmarshal(raw, &jwk)); err != nil {
		return verificationKey{}, errors.New("it is not readable, or of another type")
	}
	if jwk.Use != "" && jwk.Use != "sig" || uses.Operations != nil && !slices.Contains(uses.Operations, "verify") {
		return verificationKey{}, errors.New("it is not for verifying")
	}
	if _, secret := jwk.Key.([]byte); secret && !own || !secret && !jwk.IsPublic() {
		return verificationKey{}, errors.New("it should be secret")
	}
	return newKey(jwk.KeyID, jwk.Algorithm, jwk.Key)
}
