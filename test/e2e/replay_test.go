package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A recording has the requests that a client of transit makes, in their order, and what the client needs in each
// answer. It is a file of testdata/transit:
//
//	# comment
//	sends application/json                           the Content-Type of all bodies; without it there is none
//	at transit                                       the only mount path that the client knows; by default, any
//	given PUT keys/$key                              a request of an administrator, which must succeed
//	PUT encrypt/$key {"plaintext": "$plaintext"}     a request of the client, with its body, if any
//	    200                                          the status of the answer; by default 200
//	    data.ciphertext string ~ ^vault:v1: > text   a field of the answer, its JSON type, a pattern, and a name
//	    data.keys list = ["$key"]                    or its value
//	    data.other absent                            or that there is none
//	    data.signature signs ecdsa $digest $public   or what kind of signature it is, of what, by which public key
//
// A word that begins with $ stands for a value: see [variables], and the names that fields get.
type recording struct {
	contentType, mount string
	exchanges          []*exchange
}

// An exchange is a request and what is needed in the answer.
type exchange struct {
	line               int
	given              bool
	method, path, body string
	status             int
	needs              []need
}

// A need is what a client needs of one field of an answer.
type need struct {
	line int
	// field is the field's path from the top of the answer, with dots.
	field string
	// kind is one of needKinds.
	kind string
	// how is "=", "~", or a kind of signature, and want what it compares the field with. Both may be empty.
	how, want string
	// name is what the value is called from here on.
	name string
}

// needKinds are JSON's types, and what else can be needed of a field.
var needKinds = []string{"string", "number", "bool", "map", "list", "null", "absent", "signs"}

// readRecording reads a file of testdata.
func readRecording(t *testing.T, file string) *recording {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	r := &recording{}
	for number, line := range strings.Split(string(text), "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		require.NoError(t, r.add(number+1, line), "%s:%d", file, number+1)
	}
	require.NotEmpty(t, r.exchanges, file)
	return r
}

func (r *recording) add(number int, line string) error {
	indented := strings.HasPrefix(line, " ")
	switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); {
	case indented && len(r.exchanges) == 0:
		return fmt.Errorf("it comes before any request")
	case indented:
		return r.exchanges[len(r.exchanges)-1].need(number, strings.TrimSpace(line))
	case word == "sends":
		r.contentType = rest
	case word == "at":
		r.mount = rest
	default:
		e, err := parseRequest(strings.TrimPrefix(line, "given "))
		if err != nil {
			return err
		}
		e.line, e.given = number, word == "given"
		r.exchanges = append(r.exchanges, e)
	}
	return nil
}

var requestLine = regexp.MustCompile(`^(GET|LIST|PUT|POST|PATCH|DELETE) (\S+)(?: (.+))?$`)

func parseRequest(line string) (*exchange, error) {
	match := requestLine.FindStringSubmatch(line)
	if match == nil {
		return nil, fmt.Errorf("%q is not a request", line)
	}
	return &exchange{method: match[1], path: match[2], body: match[3], status: 200}, nil
}

// need adds a line about the answer.
func (e *exchange) need(number int, line string) error {
	if status, err := strconv.Atoi(line); err == nil {
		e.status = status
		return nil
	}
	n := need{line: number}
	line, n.name, _ = strings.Cut(line, " > ")
	words := append(strings.SplitN(line, " ", 4), "", "", "")
	n.field, n.kind, n.how, n.want = words[0], words[1], words[2], words[3]
	if !slices.Contains(needKinds, n.kind) || (n.how == "") != (n.want == "") {
		return fmt.Errorf("%q says nothing about an answer", line)
	}
	e.needs = append(e.needs, n)
	return nil
}
