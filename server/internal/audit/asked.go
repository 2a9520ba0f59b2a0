package audit

import (
	"strings"
	"unicode/utf8"
)

// asked returns the names in r as a line shows them. It is nil for most requests, which name a key by its id.
func asked(r Record) map[string]string {
	if len(r.Asked) == 0 {
		return nil
	}
	shown := make(map[string]string, len(r.Asked))
	left := MaxClaim
	for _, name := range r.Asked {
		if r.Account == "" && left == 0 && strings.Contains(name.Name, ".") {
			continue // Items of a list would make the line longer too.
		}
		if r.Account != "" {
			shown[name.Name] = clean(name.Value)
			continue
		}
		// All names of a stranger share one bound, so that more of them do not make a longer line.
		kept := cut(name.Value, left)
		shown[name.Name] = kept
		left = max(0, left-utf8.RuneCountInString(kept))
	}
	return shown
}
