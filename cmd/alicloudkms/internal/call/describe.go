package call

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Summary names the parameters that op needs, such as "KeyId Plaintext".
func Summary(op kmsapi.Operation) string {
	var parts []string
	for _, rule := range kmsapi.Describe(op.NewRequest()) {
		if rule.Required {
			parts = append(parts, strings.ReplaceAll(assignment(rule), "=…", ""))
		}
	}
	return strings.Join(parts, " ")
}

// page is the address of Alibaba Cloud's documentation of op.
func page(op kmsapi.Operation) string {
	return "https://api.alibabacloud.com/document/Kms/" + kmsapi.Version + "/" + string(op)
}

// Synopsis is how op is typed, after the name of the program.
func Synopsis(op kmsapi.Operation) string {
	words := []string{string(op)}
	for _, rule := range kmsapi.Describe(op.NewRequest()) {
		switch {
		case rule.Required:
			words = append(words, assignment(rule))
		case rule.Support == kmsapi.Served:
			words = append(words, "["+assignment(rule)+"]")
		}
	}
	return strings.Join(words, " ")
}

// ParameterNames returns the names of the parameters that op takes, each with "=" after it.
func ParameterNames(op kmsapi.Operation) (names []string) {
	for _, rule := range kmsapi.Describe(op.NewRequest()) {
		if rule.Support == kmsapi.Served {
			name, _, _ := strings.Cut(assignment(rule), "=")
			names = append(names, name+"=")
		}
	}
	return names
}

// Describe explains op: its parameters, a line and a tab each, its answer and its permission.
func Describe(op kmsapi.Operation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of API version %s:\n%s\n", op, kmsapi.Version, page(op))
	var unsupported []string
	rules := kmsapi.Describe(op.NewRequest())
	for i, rule := range rules {
		if i == 0 {
			b.WriteString("\n")
		}
		switch rule.Support {
		case kmsapi.Served:
			fmt.Fprintf(&b, "  %s\t%s\n", rule.Name, explainRule(rule))
		case kmsapi.Refused:
			unsupported = append(unsupported, rule.Name)
		}
	}
	b.WriteString("\n")
	if len(unsupported) > 0 {
		b.WriteString(wrapped("Parameters that this version can't send:", unsupported))
	}
	b.WriteString(wrapped("Fields of the answer, for -field:", namesOf(shapeOf(op).columns())))
	fmt.Fprintf(&b, "RAM permission: %s.", strings.Join(op.Actions(), ", "))
	if !op.Repeatable() {
		b.WriteString("\nIf KMS does not answer, it is not sent again, because it may have run.")
	}
	return b.String()
}

// wrapped lists names after a heading, in lines that fit a terminal.
func wrapped(heading string, names []string) string {
	const columns = 100
	var b strings.Builder
	line := heading
	for i, name := range names {
		end := ","
		if i == len(names)-1 {
			end = "."
		}
		if len(line)+len(name) > columns {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + name + end
	}
	return b.String() + line + "\n"
}

// explainRule says in a line what a parameter may be.
func explainRule(rule kmsapi.Rule) string {
	var parts []string
	if rule.Required {
		parts = append(parts, "required")
	}
	if what := explainValues(rule); what != "" {
		parts = append(parts, what)
	}
	if rule.Default != "" {
		parts = append(parts, "KMS's default is "+rule.Default)
	}
	return strings.Join(parts, "; ")
}

func explainValues(rule kmsapi.Rule) string {
	switch {
	case len(rule.OneOf) > 0:
		return oneOf(rule)
	case rule.Type == kmsapi.TypeInteger && rule.Max > 0:
		return "an integer, " + strconv.Itoa(rule.Min) + " to " + strconv.Itoa(rule.Max)
	case rule.Type == kmsapi.TypeInteger:
		return "an integer, " + strconv.Itoa(rule.Min) + " or more"
	case rule.Type == kmsapi.TypeNumbered:
		return rule.Form + ", up to " + strconv.Itoa(rule.Max)
	case rule.Type == kmsapi.TypeList && rule.Form == "":
		return "a JSON array"
	case rule.Type == kmsapi.TypeContext:
		return "a JSON object of strings, or " + rule.Name + ".NAME=VALUE for each of its names"
	case rule.Type == kmsapi.TypeSecret:
		return "a secret; give it as @FILE or @-, because other users can see arguments"
	case rule.Form != "":
		return "must " + rule.Form
	case rule.Max > 0:
		return "up to " + strconv.Itoa(rule.Max) + " characters"
	default:
		return ""
	}
}
