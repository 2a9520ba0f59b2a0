package history

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Outcome is what a caller knows of a request that it has sent.
type Outcome string

const (
	// Done means that the request has taken effect.
	Done Outcome = "done"
	// Refused means that KMS refused it, with a code that says why, so that it had no effect.
	Refused Outcome = "refused"
	// Unknown means that it may have taken effect, or may yet, or never will: no answer came, or one that leaves it open.
	Unknown Outcome = "unknown"
)

// Never is the time of an answer that never came.
const Never = time.Duration(math.MaxInt64)

// An Event is a request and its answer.
type Event struct {
	// World is the world of the CMK, counted from 0.
	World int
	// Caller sent the request to Node. It has no other request under way at the same time.
	Caller, Node int
	// Call is when the request was sent, and Return when its answer came, both since the history began. Return is
	// [Never] if the outcome is unknown.
	Call, Return time.Duration
	Op           kmsapi.Operation
	// Key is the id of the CMK that the request is about, and Alias the alias that it names. A request that names a CMK
	// by an alias has no Key.
	Key, Alias string
	// Description is the description of the CMK that CreateKey makes. No other CMK has it.
	Description string
	Outcome     Outcome
	// Code is why it was refused.
	Code kmsapi.Code
	// Seen is what the answer said, if the request is done.
	Seen Seen
}

// Seen is what an answer says of a CMK. What it does not say is zero.
type Seen struct {
	// Key is the id of the CMK that was used.
	Key   string
	State kmsapi.KeyState
	// Version is the id of the version that is, or that encrypted as, the primary one. Versions are all, the newest
	// first, and Aliases are all, sorted.
	Version  string
	Versions []string
	Aliases  []string
	// Wrong is what no answer may say at any time, such as a plaintext other than the one that was encrypted.
	Wrong string
}

// Changes reports whether the request may change anything.
func (e Event) Changes() bool { return effects[e.Op] != nil }

// about is the CMK of a request that is done.
func (e Event) about() string {
	if e.Seen.Key != "" {
		return e.Seen.Key
	}
	return e.Key
}

// String is one line for the reader of a history.
func (e Event) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%12s", e.Call.Round(time.Microsecond))
	if e.Return == Never {
		fmt.Fprintf(&s, " …             ")
	} else {
		fmt.Fprintf(&s, " – %-12s", e.Return.Round(time.Microsecond))
	}
	fmt.Fprintf(&s, " caller %d node %d %s %s %s: %s %s", e.Caller, e.Node, e.Op, e.Key, e.Alias, e.Outcome, e.Code)
	if e.Outcome == Done {
		fmt.Fprintf(&s, "%+v", e.Seen)
	}
	return s.String()
}
