package call

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Unknown returns the error for an operation that is not in the catalogue.
func Unknown(name string) error {
	if kmsapi.Operation(name).Published() {
		return usagef("%s is an operation of KMS that this version does not have", name)
	}
	var known []string
	for _, op := range kmsapi.Operations() {
		known = append(known, string(op))
	}
	return usagef("there is no operation %q%s", name, didYouMean(name, known))
}

// A reader reads the parameters of one operation.
type reader struct {
	op     kmsapi.Operation
	rules  []kmsapi.Rule
	values *values
	// raw is set if a plaintext or a binary secret is bytes, which are sent in base64.
	raw bool
}

func newReader(op kmsapi.Operation, v *values, raw bool) *reader {
	return &reader{op: op, rules: kmsapi.Describe(op.NewRequest()), values: v, raw: raw}
}

// params reads arguments of the form Name=Value. The result has only parameters that the operation takes, each once,
// and every one that it needs. [kmsapi.DecodeGiven] checks their values.
func (r *reader) params(args []string) (kmsapi.Params, error) {
	var params kmsapi.Params
	for i, arg := range args {
		name, given, ok := strings.Cut(arg, "=")
		if !ok || r.isValue(name, given) {
			// Not shown, because it may be a secret, or half of one.
			return nil, usagef("argument %d of %s has no name; give each parameter as Name=Value", i+1, r.op)
		}
		value, err := r.value(name, given)
		if err != nil {
			return nil, err
		}
		params = params.Add(name, value)
	}
	if twice := params.Duplicate(); twice != "" {
		return nil, usagef("%s of %s is given twice", twice, r.op)
	}
	return params, cmp.Or(r.missing(params), r.checkBinary(params))
}

// isValue reports whether an argument of the form name= is a value in base64, whose padding looks like the "=" of a
// parameter.
func (r *reader) isValue(name, after string) bool {
	if strings.Trim(after, "=") != "" {
		return false
	}
	_, err := r.rule(name)
	return err != nil && didYouMean(name, r.known()) == ""
}

// value returns the value of the parameter called name, which was given in one of the forms that values read.
func (r *reader) value(name, given string) (string, error) {
	rule, err := r.rule(name)
	if err != nil {
		return "", err
	}
	canBeRaw := hasBytes(rule.Name)
	value, err := r.values.read(name, given, r.raw && canBeRaw)
	switch {
	case err != nil:
		return "", err
	case r.raw && canBeRaw:
		return base64.StdEncoding.EncodeToString([]byte(value)), nil
	case !utf8.ValidString(value) && canBeRaw:
		return "", usagef("%s is not UTF-8; -raw sends bytes, in base64", name)
	case !utf8.ValidString(value):
		return "", usagef("%s is not UTF-8", name)
	case rule.Name == plaintext && !input.IsBase64(value):
		r.values.warn(name + " is sent as it is, but SDKs and the engine expect base64; -raw encodes it")
	}
	return value, r.check(rule, value)
}

// rule returns the rule of the parameter called name.
func (r *reader) rule(name string) (kmsapi.Rule, error) {
	for _, rule := range r.rules {
		spread := rule.Type == kmsapi.TypeContext || rule.Type == kmsapi.TypeNumbered
		if rule.Name == name || spread && strings.HasPrefix(name, rule.Name+".") {
			return rule, nil
		}
	}
	known := r.known()
	if len(known) == 0 {
		return kmsapi.Rule{}, usagef("%s takes no parameters", r.op)
	}
	hint := didYouMean(name, known)
	if hint == "" {
		hint = "; it has " + strings.Join(known, ", ")
	}
	return kmsapi.Rule{}, usagef("%s has no parameter %q%s", r.op, name, hint)
}

// known returns the names of the parameters that can be given.
func (r *reader) known() (names []string) {
	for _, rule := range r.rules {
		if rule.Support == kmsapi.Served {
			names = append(names, rule.Name)
		}
	}
	return names
}

// check refuses a value outside a short list, where it can say more than kmsapi, which knows only requests.
func (r *reader) check(rule kmsapi.Rule, value string) error {
	switch {
	case value == "" || slices.Contains(rule.OneOf, value) || rule.Support == kmsapi.Harmless:
		return nil
	case rule.Support == kmsapi.Refused && len(rule.OneOf) == 0:
		return usagef("this version can't send %s of %s; leave it out", rule.Name, r.op)
	case rule.Support == kmsapi.Refused:
		return usagef("this version can't send %s of %s with a value other than %s", rule.Name, r.op, oneOf(rule))
	case len(rule.OneOf) > 0:
		return usagef("%s of %s must be %s%s", rule.Name, r.op, oneOf(rule), didYouMean(value, rule.OneOf))
	default:
		return nil
	}
}

// oneOf lists the values of a rule, such as "a, b or c".
func oneOf(rule kmsapi.Rule) string {
	last := len(rule.OneOf) - 1
	if last == 0 {
		return rule.OneOf[0]
	}
	return strings.Join(rule.OneOf[:last], ", ") + " or " + rule.OneOf[last]
}

// missing names the parameters that the operation needs and that are not in params, all at once.
func (r *reader) missing(params kmsapi.Params) error {
	var missing []string
	for _, rule := range r.rules {
		if rule.Required && !given(params, rule) {
			missing = append(missing, assignment(rule))
		}
	}
	if len(missing) > 0 {
		return usagef("%s needs %s", r.op, strings.Join(missing, " "))
	}
	return nil
}

// given reports whether params have a value of the parameter, or an item of the list, that rule is about.
func given(params kmsapi.Params, rule kmsapi.Rule) bool {
	if rule.Type != kmsapi.TypeNumbered {
		return params.Get(rule.Name) != ""
	}
	return slices.ContainsFunc(params, func(p kmsapi.Param) bool { return strings.HasPrefix(p.Name, rule.Name+".") })
}

// assignment is how a parameter is typed.
func assignment(rule kmsapi.Rule) string {
	if rule.Type == kmsapi.TypeNumbered {
		return rule.Form
	}
	return rule.Name + "=…"
}

// newRequest makes a request of params, with nothing in it that was not given.
func newRequest(op kmsapi.Operation, params kmsapi.Params) (kmsapi.Request, error) {
	request := op.NewRequest()
	err := kmsapi.DecodeGiven(params, request)
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok {
		return nil, &UsageError{fmt.Sprintf("%s: %s", op, refused.Message)}
	}
	return request, err
}
