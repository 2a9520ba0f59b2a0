package kmsapi

// Describe returns the rules of every parameter that the API publishes for r, served or not.
func Describe(r Request) []Rule {
	var d describer
	r.visit(&d)
	return d.rules
}

// A Type is the type of a parameter's values.
type Type string

// The types of parameters.
const (
	TypeString  Type = "string"
	TypeInteger Type = "integer"
	// TypeBoolean is true or false, spelled exactly so.
	TypeBoolean Type = "boolean"
	// TypeSecret is a string that must not be shown: see [Secret].
	TypeSecret Type = "secret"
	// TypeList is a JSON array.
	TypeList Type = "list"
	// TypeNumbered is a list whose items are parameters of their own, with a number in their names, such as
	// ResourceId.1, or with a number and a field, such as Tag.1.Key.
	TypeNumbered Type = "numbered"
	// TypeContext is a JSON object of strings. A caller may also send each of its names as a parameter of its own, such
	// as EncryptionContext.app.
	TypeContext Type = "context"
)

type describer struct{ rules []Rule }

func (d *describer) add(r Rule, of Type) {
	r.Type = of
	d.rules = append(d.rules, r)
}

func (d *describer) str(r Rule, _ *string)                { d.add(r, TypeString) }
func (d *describer) secret(r Rule, _ *Secret)             { d.add(r, TypeSecret) }
func (d *describer) integer(r Rule, _ *int)               { d.add(r, TypeInteger) }
func (d *describer) structured(r Rule, _ structured)      { d.add(r, TypeList) }
func (d *describer) context(r Rule, _ *EncryptionContext) { d.add(r, TypeContext) }
func (d *describer) empty(Rule, *bool)                    {} // The string already has the rule.
func (d *describer) unserved(r Rule)                      { d.add(r, TypeString) }
func (d *describer) numbered(r Rule, _ numbered)          { d.add(r, TypeNumbered) }

func (d *describer) boolean(r Rule, _ *bool) {
	r.OneOf = booleans
	d.add(r, TypeBoolean)
}
