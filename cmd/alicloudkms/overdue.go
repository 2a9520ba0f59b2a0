package main

import (
	"fmt"
	"strings"
)

// maxOverdue is how many keys are listed.
const maxOverdue = 20

// warningOfOverdue lists keys that end when the service starts, while the store still has them.
func warningOfOverdue(keyIDs []string) string {
	if len(keyIDs) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(`

WARNING: when the service starts, it deletes these keys, or their imported material, because the date of that has passed.
If the date was changed after the backup, don't start it, and see "A key that the restore deletes" in docs/disaster.md.
`)
	for _, id := range keyIDs[:min(len(keyIDs), maxOverdue)] {
		b.WriteString("\n  " + id)
	}
	if more := len(keyIDs) - maxOverdue; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}
