package protocol

import _ "embed"

// Spec is SPEC.md: what clients and servers say to each other, for people.
//
//go:embed SPEC.md
var Spec string
