package kmsapi

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Rule is what the API reference says about one parameter.
type Rule struct {
	// Name is the parameter's name on the wire.
	Name string
	// Type is the type of its values, which [Describe] finds in the request.
	Type Type
	// Required parameters must be present and not empty.
	Required bool
	// Default is what an absent parameter means.
	Default string
	// Min and Max bound an integer, the number of characters of a string or the items of a numbered list; Max 0 means
	// no bound.
	Min, Max int
	// OneOf lists the only values allowed. If it is empty, others are allowed.
	OneOf []string
	// Matches, if it is not nil, reports whether a string has the required form. Form describes it in words that follow
	// "must"; lists have a Form too.
	Matches func(string) bool
	Form    string
	// Reserved, if it is not empty, is a prefix that a string must not have.
	Reserved string
	// NotEmpty refuses an empty list, which otherwise counts as absent.
	NotEmpty bool
	// Named parameters name a key, an alias, a secret or a KMS instance.
	Named bool
	// Support says whether the parameter is served.
	Support Support
}

// keyID is the rule of KeyId in nearly every operation that has it.
var keyID = Rule{Name: "KeyId", Required: true, Named: true}

// visitor handles every parameter of a request: to encode, decode or describe it.
type visitor interface {
	str(r Rule, v *string)
	secret(r Rule, v *Secret)
	integer(r Rule, v *int)
	boolean(r Rule, v *bool)
	structured(r Rule, v structured)
	// numbered is for a list that is spread over parameters with numbers in their names, such as ResourceId.1.
	numbered(r Rule, v numbered)
	context(r Rule, v *EncryptionContext)
	// empty is for a string whose parameter can be sent empty, which does not mean the same as leaving it out. It is
	// called after the string.
	empty(r Rule, v *bool)
	// unserved is for a parameter that no field holds: see [Refused] and [Harmless].
	unserved(r Rule)
}

// structured is a parameter whose value is JSON.
type structured interface {
	// wire returns the parameter's value on the wire, "" if there is nothing to send.
	wire() string
	// parse reads it. The error is the end of a sentence that begins with "It", and shows no value.
	parse(text string) error
}

// Encode returns the parameters of r that are set. Zero values are left out.
func Encode(r Request) Params { return AppendParams(nil, r) }

// AppendParams appends to params what [Encode] returns.
func AppendParams(params Params, r Request) Params {
	e := encoder{params: params}
	r.visit(&e)
	return e.params
}

// Decode reads p into r, checks every rule and fills in defaults. Parameters that the API does not publish are ignored,
// since SDKs send some of their own; [Support] says how the others are handled. The error is an [*Error] with code
// MissingParameter or InvalidParameter, and never shows a value.
func Decode(p Params, r Request) error {
	d := decoder{params: p}
	return d.decode(r)
}

// DecodeGiven is Decode without the defaults: what p lacks stays zero, so that [Encode] returns what was given and
// nothing more. It is for clients, since the server's default may differ.
func DecodeGiven(p Params, r Request) error {
	d := decoder{params: p, withoutDefaults: true}
	return d.decode(r)
}

type encoder struct{ params Params }

func (e *encoder) add(name, value string) {
	if value != "" {
		e.params = e.params.Add(name, value)
	}
}

func (e *encoder) str(r Rule, v *string) { e.add(r.Name, *v) }

func (e *encoder) secret(r Rule, v *Secret) { e.add(r.Name, v.Reveal()) }

func (e *encoder) integer(r Rule, v *int) {
	if *v != 0 {
		e.params = e.params.Add(r.Name, strconv.Itoa(*v))
	}
}

// boolean sends false too if the parameter is required.
func (e *encoder) boolean(r Rule, v *bool) {
	if *v || r.Required {
		e.params = e.params.Add(r.Name, strconv.FormatBool(*v))
	}
}

func (e *encoder) structured(r Rule, v structured) {
	e.add(r.Name, v.wire())
}

func (e *encoder) context(r Rule, v *EncryptionContext) { e.structured(r, v) }

func (*encoder) unserved(Rule) {}

func (e *encoder) empty(r Rule, v *bool) {
	if *v && e.params.Get(r.Name) == "" {
		e.params = e.params.Add(r.Name, "")
	}
}

// decoder latches its first error.
type decoder struct {
	params          Params
	withoutDefaults bool
	err             *Error
}

func (d *decoder) decode(r Request) error {
	r.visit(d)
	if d.err != nil {
		return d.err
	}
	return nil
}

// value returns the parameter's string or its default, and whether there is one.
func (d *decoder) value(r Rule) (string, bool) {
	text := d.params.Get(r.Name)
	if text == "" && !d.withoutDefaults {
		text = r.Default
	}
	if text == "" && r.Required && d.err == nil {
		d.err = MissingParameter(r.Name)
	}
	return text, text != "" && d.err == nil
}

func (d *decoder) str(r Rule, v *string) {
	text, ok := d.value(r)
	if !ok {
		return
	}
	length := utf8.RuneCountInString(text)
	switch {
	case len(r.OneOf) > 0 && !slices.Contains(r.OneOf, text):
		d.err = InvalidParameter(r.Name, "It must be one of "+strings.Join(r.OneOf, ", ")+".")
	case r.Max > 0 && (length < r.Min || length > r.Max):
		d.err = InvalidParameter(r.Name, "It must have "+span(r)+" characters.")
	case r.Matches != nil && !r.Matches(text):
		d.err = InvalidParameter(r.Name, "It must "+r.Form+".")
	case r.Reserved != "" && strings.HasPrefix(text, r.Reserved):
		d.err = InvalidParameter(r.Name, "What begins with "+r.Reserved+" is reserved.")
	default:
		*v = text
	}
}

func (d *decoder) empty(r Rule, v *bool) {
	*v = d.params.has(r.Name) && d.params.Get(r.Name) == ""
}

func (d *decoder) secret(r Rule, v *Secret) {
	text := v.Reveal()
	d.str(r, &text)
	*v = NewSecret(text)
}

func (d *decoder) integer(r Rule, v *int) {
	text, ok := d.value(r)
	if !ok {
		return
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < r.Min || (r.Max > 0 && n > r.Max) {
		d.err = InvalidParameter(r.Name, "It must be an integer, "+span(r)+".")
		return
	}
	*v = n
}

// booleans are the only spellings of a boolean.
var booleans = []string{"true", "false"}

func (d *decoder) boolean(r Rule, v *bool) {
	r.OneOf = booleans
	text := strconv.FormatBool(*v)
	d.str(r, &text)
	*v = text == "true"
}

// emptyList is an empty list, which in an optional parameter counts as absent.
const emptyList = "[]"

func (d *decoder) structured(r Rule, v structured) {
	if d.params.Get(r.Name) != emptyList || r.Required || r.NotEmpty {
		d.json(r, v)
	}
}

func (d *decoder) json(r Rule, v structured) {
	text, ok := d.value(r)
	if !ok {
		return
	}
	if err := v.parse(text); err != nil {
		d.err = InvalidParameter(r.Name, "It "+err.Error()+".")
	}
}

// context takes JSON or, from SDKs that spread a map over several parameters, one parameter for each name.
func (d *decoder) context(r Rule, v *EncryptionContext) {
	spread := d.params.below(r.Name)
	switch {
	case len(spread) == 0:
		d.json(r, v)
	case d.err != nil:
	case d.params.Get(r.Name) != "":
		d.err = InvalidParameter(r.Name,
			"It must be one JSON object, or parameters that are called "+r.Name+".<name>, and not both.")
	default:
		if err := v.collect(spread); err != nil {
			d.err = InvalidParameter(r.Name, "It is spread over several parameters, and "+err.Error()+".")
		}
	}
}

// span describes a rule's bounds in words.
func span(r Rule) string {
	if r.Max == 0 {
		return strconv.Itoa(r.Min) + " or more"
	}
	return strconv.Itoa(r.Min) + " to " + strconv.Itoa(r.Max)
}
