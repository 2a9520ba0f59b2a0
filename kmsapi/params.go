package kmsapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Param is one decoded parameter of a request.
type Param struct {
	Name, Value string
}

// Params are the decoded parameters of a request, in the order they were added or received. It is a slice and not a
// map, because a signature covers every parameter, and a name sent twice must be noticed to be refused.
type Params []Param

// Get returns the value of the first parameter called name, and "" if there is none: KMS treats an empty parameter as
// one that was not sent.
func (p Params) Get(name string) string {
	for i := range p {
		if p[i].Name == name {
			return p[i].Value
		}
	}
	return ""
}

// has reports whether there is a parameter called name, which may be empty.
func (p Params) has(name string) bool {
	return slices.ContainsFunc(p, func(param Param) bool { return param.Name == name })
}

// Add returns p with one more parameter.
func (p Params) Add(name, value string) Params {
	return append(p, Param{Name: name, Value: value})
}

// below returns the parameters whose names are name, a dot and more, with what follows the dot as their names.
func (p Params) below(name string) Params {
	var found Params
	for i := range p {
		if rest, ok := strings.CutPrefix(p[i].Name, name); ok && strings.HasPrefix(rest, ".") {
			found = found.Add(rest[1:], p[i].Value)
		}
	}
	return found
}

// Sorted returns a copy in the byte order of the names, the order of the canonical query string (§1.4).
func (p Params) Sorted() Params { return p.AppendSorted(make(Params, 0, len(p))) }

// AppendSorted appends to dst, which is empty, what [Params.Sorted] returns.
func (p Params) AppendSorted(dst Params) Params {
	dst = append(dst, p...)
	dst.Sort()
	return dst
}

// Sort puts p in the byte order of the names.
func (p Params) Sort() {
	slices.SortFunc(p, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
}

// Duplicate returns the first name that occurs more than once, and "" if all differ.
func (p Params) Duplicate() string {
	var few [usualParams]Param // so that no heap memory is needed
	sorted := p.AppendSorted(few[:0])
	for i := 1; i < len(sorted); i++ {
		if sorted[i].Name == sorted[i-1].Name {
			return sorted[i].Name
		}
	}
	return ""
}

// Form encodes p as application/x-www-form-urlencoded.
func (p Params) Form() string {
	size := 0
	for i := range p {
		size += len("&=") + formSize(p[i].Name) + formSize(p[i].Value)
	}
	var b strings.Builder
	b.Grow(size)
	for i := range p {
		if i > 0 {
			b.WriteByte('&')
		}
		writeForm(&b, p[i].Name)
		b.WriteByte('=')
		writeForm(&b, p[i].Value)
	}
	return b.String()
}

// ParseForm decodes a query string or a form body. It is stricter than net/url: a bad escape, an empty name and invalid
// UTF-8 are errors, because two readers must never see different parameters in one signed string. Errors name no value,
// since a value may be a plaintext.
func ParseForm(text string) (Params, error) {
	if text == "" {
		return nil, nil
	}
	params := make(Params, 0, min(strings.Count(text, "&")+1, usualParams))
	for i := 1; text != ""; i++ {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil || name == "" || !utf8.ValidString(name) {
			return nil, fmt.Errorf("the name of parameter %d is not well-formed", i)
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, fmt.Errorf("the value of parameter %q is not well-formed", name)
		}
		if !utf8.ValidString(value) {
			return nil, fmt.Errorf("the value of parameter %q is not UTF-8: encode bytes as base64", name)
		}
		params = append(params, Param{name, value})
	}
	return params, nil
}

// usualParams is the most parameters that an operation has. Unauthenticated callers that send more don't get memory up
// front.
const usualParams = 24
