package config

import (
	"bytes"
	"errors"
	"os"
)

// ReadText reads a file that people edit: of keys, secrets or settings. The mark that some editors put in front of
// UTF-8 is not part of a secret, and is dropped. A file in UTF-16 is refused, since no key in it would ever match.
func ReadText(name string) ([]byte, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(raw, []byte("\xff\xfe")) || bytes.HasPrefix(raw, []byte("\xfe\xff")) || bytes.IndexByte(raw, 0) >= 0 {
		return nil, errors.New(name + " is not UTF-8 text (UTF-16?): save it as UTF-8")
	}
	return raw, nil
}
