package testredis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Do asks the server, on a connection of its own, and returns its answer as text, a list as lines. An error fails the
// test.
func (s *Server) Do(t testing.TB, words ...string) string {
	t.Helper()
	answer, err := s.ask(words...)
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(words, " "), err)
	}
	return answer
}

// Try asks the server and returns its error.
func (s *Server) Try(words ...string) error {
	_, err := s.ask(words...)
	return err
}

func (s *Server) ask(words ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.Addr(), 5*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	from := bufio.NewReader(conn)
	if i := slices.Index(s.settings, "--requirepass"); i >= 0 {
		if err := write(conn, []string{"AUTH", s.settings[i+1]}); err != nil {
			return "", err
		}
		if _, err := answer(from); err != nil {
			return "", err
		}
	}
	if err := write(conn, words); err != nil {
		return "", err
	}
	return answer(from)
}

func write(to io.Writer, words []string) error {
	var text strings.Builder
	fmt.Fprintf(&text, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&text, "$%d\r\n%s\r\n", len(w), w)
	}
	_, err := io.WriteString(to, text.String())
	return err
}

func answer(from *bufio.Reader) (string, error) {
	line, err := from.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	kind, rest := line[0], line[1:]
	switch kind {
	case '-':
		return "", errors.New(rest)
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return "", err
		}
		text := make([]byte, n+2)
		_, err = io.ReadFull(from, text)
		return string(text[:n]), err
	case '*':
		n, err := strconv.Atoi(rest)
		var lines []string
		for ; n > 0 && err == nil; n-- {
			var one string
			one, err = answer(from)
			lines = append(lines, one)
		}
		return strings.Join(lines, "\n"), err
	}
	return rest, nil
}
