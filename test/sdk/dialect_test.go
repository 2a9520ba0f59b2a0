package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// caller sends requests through an SDK. A refusal is returned as a [*kmsapi.Error], built from what the SDK reports.
type caller interface {
	call(request kmsapi.Request, answer kmsapi.Response) error
}

// dialect is an SDK in one of its configurations of signature, format and transport.
type dialect struct {
	name string
	// home is the service on which it plays the scenarios.
	home func() *service
	dial func(t testing.TB, at *service, as access) caller
	// blind dialects can't parse a refusal: the SDK shows its raw body.
	blind bool
}

func overTLS() *service    { return dev }
func withoutTLS() *service { return plain }

// acs3 is the SDK that Alibaba Cloud recommends, as it is by default.
var acs3 = dialect{name: "kms-20160120 v3, ACS3, TLS", home: overTLS, dial: dialV3("")}

// ourOwn is this project's client.
var ourOwn = dialect{name: "our own client, TLS", home: overTLS, dial: dialOurs}

// dialects are all that the tests use.
var dialects = []dialect{
	{name: "alibaba-cloud-sdk-go, JSON, plain HTTP", home: withoutTLS, dial: dialV1("JSON")},
	{name: "alibaba-cloud-sdk-go, JSON, TLS", home: overTLS, dial: dialV1("JSON")},
	{name: "alibaba-cloud-sdk-go, XML, TLS", home: overTLS, dial: dialV1("XML"), blind: true},
	acs3,
	{name: "kms-20160120 v3, RPC V1, TLS", home: overTLS, dial: dialV3("v2")},
	ourOwn,
}

// player is a dialect that plays a scenario in a test.
type player struct {
	*testing.T
	dialect
	caller
}

// everyDialect plays a scenario in every dialect.
func everyDialect(t *testing.T, scenario func(p player)) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) { scenario(d.player(t)) })
	}
}

func (d dialect) player(t *testing.T) player {
	return player{T: t, dialect: d, caller: d.dial(t, d.home(), d.home().access)}
}

// run plays a part of a scenario as its own test.
func (p player) run(name string, part func(p player)) {
	p.T.Run(name, func(t *testing.T) {
		p.T = t
		part(p)
	})
}

// answerTo is a pointer to a response type of package kmsapi.
type answerTo[A any] interface {
	*A
	kmsapi.Response
}

// do sends a request that must succeed, and returns the response.
func do[A any, P answerTo[A]](p player, request kmsapi.Request) *A {
	p.Helper()
	answer := P(new(A))
	require.NoError(p, p.call(request, answer))
	require.NotEmpty(p, answer.ID(), "every response has a request id")
	return answer
}

// must sends a request that must succeed, and whose response is empty.
func (p player) must(request kmsapi.Request) {
	p.Helper()
	do[kmsapi.EnableKeyResponse](p, request)
}

// refused sends a request that must be refused with want.
func (p player) refused(want *kmsapi.Error, request kmsapi.Request) {
	p.Helper()
	refusedTo(p, p.caller, want, request)
}

func refusedTo(p player, c caller, want *kmsapi.Error, request kmsapi.Request) {
	p.Helper()
	var got *kmsapi.Error
	require.ErrorAs(p, c.call(request, new(kmsapi.EnableKeyResponse)), &got)
	require.Equal(p, want.HTTPStatus, got.HTTPStatus, got.Message)
	if p.blind {
		require.Contains(p, got.Message, "<KMS>")
		require.Contains(p, got.Message, "<Code>"+string(want.Code)+"</Code>")
		require.Regexp(p, "<RequestId>[0-9a-f-]{36}</RequestId>", got.Message)
		return
	}
	require.Equal(p, want.Code, got.Code, got.Message)
	require.Contains(p, got.Message, want.Message)
	require.Regexp(p, "^[0-9a-f-]{36}$", got.RequestID)
}

// newKey creates a CMK and returns its metadata.
func (p player) newKey(request kmsapi.CreateKeyRequest) kmsapi.KeyMetadata {
	p.Helper()
	made := do[kmsapi.CreateKeyResponse](p, &request).KeyMetadata
	if _, isV3 := p.caller.(v3); isV3 { // It has the field only in the answer of DescribeKey.
		made.DeletionProtection = kmsapi.ProtectionDisabled
	}
	return made
}

func (p player) describe(keyID string) kmsapi.KeyMetadata {
	p.Helper()
	request := &kmsapi.DescribeKeyRequest{}
	request.KeyId = keyID
	return do[kmsapi.DescribeKeyResponse](p, request).KeyMetadata
}

// fill sets the fields of an SDK's request by the parameters of the same names. It is an error if the SDK has no such
// field.
func fill(request any, params kmsapi.Params) error {
	fields := reflect.ValueOf(request).Elem()
	for _, p := range params {
		name, item, isItem := strings.Cut(p.Name, ".")
		field := fields.FieldByName(name)
		if !field.IsValid() {
			return fmt.Errorf("%T has no field %s", request, p.Name)
		}
		if isItem {
			field, item = itemOf(field, item)
			if item != "" {
				field = field.FieldByName(item)
			}
		}
		if err := set(field, p.Value); err != nil {
			return fmt.Errorf("%T.%s: %w", request, p.Name, err)
		}
	}
	return nil
}

// itemOf returns an item of a list, whose parameters have names that begin with its number, such as 1.Key, and the rest
// of the name. The list then has at least that many items.
func itemOf(list reflect.Value, name string) (item reflect.Value, rest string) {
	list = pointedAt(list)
	number, rest, _ := strings.Cut(name, ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		panic(err)
	}
	for list.Len() < n {
		list.Set(reflect.Append(list, reflect.Zero(list.Type().Elem())))
	}
	return pointedAt(list.Index(n - 1)), rest
}

// pointedAt returns what a field points at, which is made if it is nil, or the field itself.
func pointedAt(field reflect.Value) reflect.Value {
	if field.Kind() != reflect.Pointer {
		return field
	}
	if field.IsNil() {
		field.Set(reflect.New(field.Type().Elem()))
	}
	return field.Elem()
}

// set parses value into a field. The old SDK has only strings; the new one has pointers and maps.
func set(field reflect.Value, value string) error {
	field = pointedAt(field)
	switch field.Kind() {
	case reflect.String:
		field.SetString(value)
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(value, 10, 64)
		field.SetInt(n)
		return err
	case reflect.Bool:
		yes, err := strconv.ParseBool(value)
		field.SetBool(yes)
		return err
	case reflect.Map:
		return json.Unmarshal([]byte(value), field.Addr().Interface())
	default:
		return errors.New("a field of an unknown kind, " + field.Kind().String())
	}
	return nil
}

// read copies an SDK's response into ours. Both use the names of the wire format.
func read(sdkAnswer any, answer kmsapi.Response) error {
	text, err := json.Marshal(sdkAnswer)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}
