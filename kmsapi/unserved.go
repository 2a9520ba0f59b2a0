package kmsapi

import (
	"slices"
	"strings"
)

// Support says what becomes of a parameter that the API publishes. One that changes the outcome is never ignored: a
// caller that asked for a rotated key, or for a filtered list, must not believe that it got one.
type Support string

// What becomes of a parameter.
const (
	// Served parameters do what the API says.
	Served Support = ""
	// Refused parameters are not served. A request may leave one out, or give it a value of [Rule.OneOf], which asks for
	// what happens without it. Any other value is refused with InvalidParameter.
	Refused Support = "refused"
	// Harmless parameters are not served, and ignored, since no value changes the outcome.
	Harmless Support = "harmless"
)

// refused is the rule of a parameter with [Refused]; same are the values that ask for what happens without it.
func refused(name string, same ...string) Rule {
	return Rule{Name: name, OneOf: same, Support: Refused}
}

// unserved refuses what is refused, also if an SDK has spread it over several parameters (Tags.1.TagKey).
func (d *decoder) unserved(r Rule) {
	if r.Support == Harmless || d.err != nil {
		return
	}
	value := d.params.Get(r.Name)
	if (value == "" || slices.Contains(r.OneOf, value)) && len(d.params.below(r.Name)) == 0 {
		return
	}
	hint := "This service does not support it: leave it out."
	if len(r.OneOf) > 0 {
		hint = "This service supports no other value than " + strings.Join(r.OneOf, ", ") + "."
	}
	d.err = InvalidParameter(r.Name, hint)
}
