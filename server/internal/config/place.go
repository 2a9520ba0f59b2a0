package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Place is a part of a configuration: all of it, a block, a field, or an item of a list. It has a line if the
// configuration was read from a file, so that code in any package that finds a fault can say where it is.
type Place struct {
	// file and line are "" and 0 for a configuration that was not read from a file.
	file string
	line int
	// names are the names of the enclosing blocks and of the place itself, such as `account "1"`, `access_key "LTAI"`,
	// `secret_file`.
	names []string
	// body is the content of a block, and value the value of a field.
	body  *hclsyntax.Body
	value hclsyntax.Expression
}

// Place returns the place of the whole configuration.
func (c Config) Place() Place { return c.place }

// File returns the path that the configuration was read from, or "" if it was not read from a file.
func (c Config) File() string { return c.place.file }

// Block returns the nth block of a type in p, counted from 0. The label is "" if that type has none.
func (p Place) Block(name string, n int, label string) Place {
	inner := Place{file: p.file, line: p.line, names: slices.Clone(p.names)}
	if label != "" {
		inner.names = append(inner.names, fmt.Sprintf("%s %q", name, label))
	} else {
		inner.names = append(inner.names, name)
	}
	for _, b := range p.blocks() {
		if b.Type != name {
			continue
		}
		if n == 0 {
			inner.line, inner.body = b.TypeRange.Start.Line, b.Body
		}
		n--
	}
	return inner
}

func (p Place) blocks() hclsyntax.Blocks {
	if p.body == nil {
		return nil
	}
	return p.body.Blocks
}

// Field returns a field of the block p. If the field is missing, its line is that of the block.
func (p Place) Field(name string) Place {
	field := Place{file: p.file, line: p.line, names: append(slices.Clone(p.names), name)}
	if p.body == nil {
		return field
	}
	if a, ok := p.body.Attributes[name]; ok {
		field.line, field.value = a.NameRange.Start.Line, a.Expr
	}
	return field
}

// Item returns the nth item of the list p, counted from 0.
func (p Place) Item(n int) Place {
	if list, ok := p.value.(*hclsyntax.TupleConsExpr); ok && n < len(list.Exprs) {
		p.line = list.Exprs[n].Range().Start.Line
	}
	return p
}

// String returns, for example, `server.hcl:12: listener: address`.
func (p Place) String() string {
	parts := p.names
	if p.line > 0 {
		parts = append([]string{fmt.Sprintf("%s:%d", p.file, p.line)}, parts...)
	} else if p.file != "" {
		parts = append([]string{p.file}, parts...)
	}
	return strings.Join(parts, ": ")
}

// Fault is an error in a part of a configuration.
type Fault struct {
	Place Place
	Err   error
}

// Error implements error. The message has the file, the line, the names of the part, and what is wrong.
func (f *Fault) Error() string {
	if place := f.Place.String(); place != "" {
		return place + ": " + f.Err.Error()
	}
	return f.Err.Error()
}

// Unwrap returns what is wrong, without the place.
func (f *Fault) Unwrap() error { return f.Err }

// Fault returns err as a fault of p. It returns nil if err is nil, and err itself if it already has a place.
func (p Place) Fault(err error) error {
	if err == nil {
		return nil
	}
	if _, placed := errors.AsType[*Fault](err); placed {
		return err
	}
	return &Fault{Place: p, Err: err}
}

// faults collects faults.
type faults []*Fault

func (f *faults) add(at Place, format string, args ...any) {
	*f = append(*f, &Fault{Place: at, Err: fmt.Errorf(format, args...)})
}

// maxFaults is how many faults are shown: a file of another kind, such as a key, would have thousands.
const maxFaults = 20

// err joins the faults, in the order of their lines; it is nil if there is none.
func (f faults) err() error {
	slices.SortStableFunc(f, func(a, b *Fault) int { return a.Place.line - b.Place.line })
	var all []error
	for _, fault := range f[:min(len(f), maxFaults)] {
		all = append(all, fault)
	}
	if more := len(f) - maxFaults; more > 0 {
		all = append(all, &Fault{Place: Place{file: f[0].Place.file}, Err: fmt.Errorf("and %d more", more)})
	}
	return errors.Join(all...)
}

// addDiagnostics adds the faults that HCL has found in a file.
func (f *faults) addDiagnostics(file string, found hcl.Diagnostics) {
	for _, d := range found {
		at := Place{file: file}
		if d.Subject != nil {
			at.line = d.Subject.Start.Line
		}
		f.add(at, "%s; %s", d.Summary, d.Detail)
	}
}
