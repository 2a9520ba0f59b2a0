package kmsprovider

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
)

var (
	errEndpoint = errors.New("it must be unix:// and the whole path of a socket, such as unix:///run/kms-provider/kms.sock, as " +
		"in the API server's EncryptionConfiguration")
	errAbstract = errors.New("it is an abstract socket, which any process of the machine may open: give the path of a file")
)

// ParseSocket returns the path in an endpoint of an EncryptionConfiguration, by the API server's rules. A path alone
// will do, too. Its errors end a sentence about the endpoint.
func ParseSocket(endpoint string) (path string, err error) {
	if filepath.IsAbs(endpoint) {
		return filepath.Clean(endpoint), nil
	}
	parsed, err := url.Parse(endpoint)
	switch {
	case err != nil || parsed.Scheme != "unix" || parsed.Host != "" || parsed.RawQuery != "" || parsed.Fragment != "":
		return "", errEndpoint
	case strings.HasPrefix(parsed.Path, "/@"):
		return "", errAbstract
	case !filepath.IsAbs(parsed.Path):
		return "", errEndpoint
	}
	return filepath.Clean(parsed.Path), nil
}
