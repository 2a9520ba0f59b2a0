package audit

import (
	"reflect"
	"strings"
)

// Summarize writes the summary now, before it is due.
func (l *Log) Summarize() error { return l.summarize() }

// Fields returns the names of all fields that a line can have.
func Fields() (names []string) {
	for field := range reflect.TypeFor[line]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
