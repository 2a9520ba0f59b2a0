package main

import (
	"fmt"
	"strings"
)

// maxOverdue is how many keys and secrets are listed.
const maxOverdue = 20

// warningOfOverdue lists keys and secrets that end when the service starts, while the store still has them.
func warningOfOverdue(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(`

WARNING: when the service starts, it deletes these keys and secrets, or imported material of the keys, because the date
of that has passed.
If the date was changed after the backup, don't start it, and see "A key that the restore deletes" in docs/disaster.md.
`)
	for _, id := range ids[:min(len(ids), maxOverdue)] {
		b.WriteString("\n  " + id)
	}
	if more := len(ids) - maxOverdue; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}
