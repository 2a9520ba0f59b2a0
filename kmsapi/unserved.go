package kmsapi

import (
	"slices"
	"strings"
)

// Support says how a parameter that the API publishes is handled. A parameter that changes the outcome is never
// ignored: a caller that asked for a rotated key, or for a filtered list, must not believe that it got one.
type Support string

// How a parameter is handled.
const (
	// Served parameters do what the API says.
	Served Support = ""
	// Refused parameters are not served. A request may leave one out, or give it a value of [Rule.OneOf], which asks
	// for the behavior without it. Any other value is refused with InvalidParameter.
	Refused Support = "refused"
	// Harmless parameters are not served but ignored, since no value changes the outcome.
	Harmless Support = "harmless"
)

// refused is the rule of a [Refused] parameter. same are the values that ask for the behavior without it.
func refused(name string, same ...string) Rule {
	return Rule{Name: name, OneOf: same, Support: Refused}
}

// unserved refuses [Refused] parameters, even if an SDK has spread one over several (Tags.1.TagKey).
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
