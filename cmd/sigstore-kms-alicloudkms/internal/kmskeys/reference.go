package kmskeys

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Scheme is the scheme of references.
const Scheme = "alicloudkms"

// A reference is a key as users name it. Only region and key are always there.
type reference struct {
	region, key       string
	version, instance string
	algorithm         *algorithm
}

var (
	regionForm  = regexp.MustCompile(`^[a-z0-9-]+$`)
	keyIDForm   = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	keyARNForm  = regexp.MustCompile(`^acs:kms:([a-z0-9-]+):[0-9]+:key/[A-Za-z0-9-]+$`)
	aliasForm   = regexp.MustCompile(`^alias/[A-Za-z0-9_/-]+$`)
	idOfVersion = keyIDForm
)

// maxKey is more than the longest name of a key has, in bytes.
const maxKey = 512

var errForm = errors.New(
	"a key is named " + Scheme + "://REGION/KEY, where KEY is its id, alias/NAME or its ARN. After that there can be " +
		"?version=ID, ?algorithm=NAME and ?instance=ID, joined by &")

// parseReference reads what follows the scheme.
func parseReference(text string) (reference, error) {
	named, query, _ := strings.Cut(text, "?")
	region, key, _ := strings.Cut(named, "/")
	arn := keyARNForm.FindStringSubmatch(key)
	switch {
	case len(named) > maxKey || !regionForm.MatchString(region):
		return reference{}, errForm
	case arn != nil && arn[1] != region:
		return reference{}, fmt.Errorf("the ARN is of a key in %s, and the region before it is %s", arn[1], region)
	case arn == nil && !keyIDForm.MatchString(key) && !aliasForm.MatchString(key):
		return reference{}, errForm
	}
	r := reference{region: region, key: key}
	return r, r.parseQuery(query)
}

// queryNames are what can follow the key, in the order of messages.
var queryNames = []string{"version", "algorithm", "instance"}

func (r *reference) parseQuery(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errForm
	}
	for name, given := range values {
		if len(given) > 1 {
			return fmt.Errorf("the key has more than one %.64q", name)
		}
		if err := r.set(name, given[0]); err != nil {
			return err
		}
	}
	return nil
}

func (r *reference) set(name, value string) (err error) {
	switch name {
	case "version":
		r.version, err = versionOf(value)
	case "algorithm":
		r.algorithm, err = findAlgorithm(value)
	case "instance":
		if !keyIDForm.MatchString(value) {
			return errors.New("the instance of the key must be the id of a KMS instance, such as kst-hzz62f1cb66fa42qo7p3x")
		}
		r.instance = value
	default:
		return fmt.Errorf("nothing called %.64q can follow the key; %s", name, guess.Among(name, "names", queryNames))
	}
	return err
}

// versionOf returns the id of a version that a user or a program names.
func versionOf(id string) (string, error) {
	if !idOfVersion.MatchString(id) || len(id) > maxKey {
		return "", errors.New("the version of the key must be the id of one of its versions, as ListKeyVersions shows it")
	}
	return id, nil
}

func (r *reference) isAlias() bool { return strings.HasPrefix(r.key, kmsapi.AliasPrefix) }

// algorithmOr returns the algorithm that the reference names, and otherwise the usual one.
func (r *reference) algorithmOr(usual *algorithm) *algorithm {
	if r.algorithm != nil {
		return r.algorithm
	}
	return usual
}

// String is the reference as users write it, without what follows the key.
func (r *reference) String() string { return Scheme + "://" + r.region + "/" + r.key }
