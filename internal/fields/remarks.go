package fields

import (
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
)

// Remarks are what [Check] found in a request that is accepted, but may not do what its caller expects. They name
// fields.
type Remarks struct {
	// ignored mean nothing here; joined hold several entries of a map that were read as one.
	ignored, joined []string
}

// sorted returns the remarks in the order of names.
func (r Remarks) sorted() Remarks {
	slices.Sort(r.ignored)
	slices.Sort(r.joined)
	return r
}

// Warn adds the remarks to an answer, which may be nil.
func (r Remarks) Warn(resp *logical.Response) *logical.Response {
	warnings := r.Warnings()
	if len(warnings) == 0 {
		return resp
	}
	if resp == nil {
		resp = &logical.Response{}
	}
	resp.Warnings = append(resp.Warnings, warnings...)
	return resp
}

// Warnings returns the remarks as sentences. There may be none.
func (r Remarks) Warnings() (warnings []string) {
	if len(r.ignored) > 0 {
		warnings = append(warnings,
			"Ignored, because it does not apply to a key of Alibaba Cloud KMS: "+strings.Join(r.ignored, ", "))
	}
	for _, name := range r.joined {
		warnings = append(warnings, "A value in "+name+" looks like several entries, but was taken as one: write "+
			name+"=a=1 "+name+"=b=2, or a JSON object, for more than one")
	}
	return warnings
}

// anotherEntry matches what looks like the beginning of another entry within a value.
var anotherEntry = regexp.MustCompile(`[,\n]\s*[\w.:/-]+=`)

// isJoined reports whether a map that was written as name=value has a value that looks like several entries. A caller
// that writes JSON means what it says.
func isJoined(raw, value any) bool {
	switch value := value.(type) {
	case map[string]string:
		return isPairs(raw) && anyMatch(maps.Values(value))
	case MapPatch:
		return isPairs(raw) && anyMatch(value.set())
	default:
		return false
	}
}

// isPairs reports whether a map was written as one or more name=value.
func isPairs(raw any) bool {
	written, isString := raw.(string)
	_, isList := raw.([]any)
	return isString && !isJSON(written) || isList
}

func anyMatch(values iter.Seq[string]) bool {
	for v := range values {
		if strings.Contains(v, "=") && anotherEntry.MatchString(v) { // Most have none, and need no search.
			return true
		}
	}
	return false
}
