package feathers

import (
	"fmt"
	"strings"

	"tidings/protocol"
)

// Services are the services that the server itself has: each is a collection of documents. The zero Services has none.
type Services struct {
	collections map[string]string // by path: index/collection
	paths       map[string]string // by collection
}

// NewServices reads pairs of a service's path and its collection, each as "messages main/messages". Its error names the
// pair that is wrong.
func NewServices(pairs []string) (*Services, error) {
	s := &Services{collections: map[string]string{}, paths: map[string]string{}}
	for _, pair := range pairs {
		words := strings.Fields(pair)
		if len(words) != 2 {
			return nil, fmt.Errorf("%q is not a path and a collection, as in \"messages main/messages\"", pair)
		}
		path, collection := strings.Trim(words[0], "/"), words[1]
		_, name, ok := strings.Cut(collection, "/")
		if _, err := protocol.ParseChannel("documents/" + collection); err != nil || !ok || strings.Contains(name, "/") {
			return nil, fmt.Errorf("%q: %q is not index/name", pair, collection)
		}
		if path == authentication || path == "" || s.collections[path] != "" || s.paths[collection] != "" {
			return nil, fmt.Errorf("%q: the path or the collection is named twice, or is not for services", pair)
		}
		s.collections[path], s.paths[collection] = collection, path
	}
	return s, nil
}

// authentication is the path of the service that signs clients in.
const authentication = "authentication"
