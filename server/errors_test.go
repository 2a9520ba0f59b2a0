package server_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// publicErrorCodes is the reference's table of public error codes (§1.5) as published, except for line breaks and
// spaces before full stops: code, HTTP status, sentence.
const publicErrorCodes = `
InternalFailure	500	Internal Failure.
ServiceUnavailableTemporary	503	Service Unavailable Temporary.
InvalidAccessKeyId.NotFound	404	The AccessKey ID provided does not exist in our records.
Forbidden.KeyNotFound	404	The specified Key is not found.
Forbidden.AliasNotFound	404	The specified Alias is not found.
Forbidden.NoPermission	403	This operation is forbidden by permission system.
Forbidden.AccessKey	403	This AccessKey is not enabled.
UnsupportedHTTPMethod	403	This http method is not supported.
Forbidden.UbsmsInvalidUserId	403	Userid Invalid For Ubsms.
Forbidden.UbsmsInvalidBid	403	Your account partner does not have KMS Service.
Forbidden.KmsServiceNotEnabled	403	Kms service is not Enabled for current user. Please get access permission first.
Forbidden.ProhibitedByRiskControl	403	Current user is Prohibited By Risk Control.
Forbidden.InDebtOverdue	403	Current user is indebted Overdue.
Forbidden.InDebt	403	Current user is indebted.
ParseRequestParameterException	400	Server parse parameters exception. Please check your input params.
MissingParameter	400	The parameter "< parameter name >" is needed but not provided.
InvalidParameter	400	The specified parameter "< parameter name >" is not valid.
IncompleteSignature	400	The request signature does not conform to Alibaba Cloud standards.
IllegalTimestamp	400	The input parameter "Timestamp" that is required for processing this request is not supplied.
Rejected.LimitExceeded	400	The request was rejected because user create resource limit was exceeded.
AliasAlreadyExists	400	AliasName Already Exists.
InvalidKeyMaterial	400	key material is invalid.
InvalidImportToken	400	import token is invalid.
ExpiredImportToken	400	import token is expired.
Unsupported.Origin	400	This key origin is not valid for this api.
Unsupported.Alias	400	Alias is not valid for this api.
Rejected.StateModifiedFailed	409	Keystate modified failed.
Rejected.Disabled	409	The request was rejected because the key state is Disabled.
Rejected.PendingDeletion	409	The request was rejected because the key state is PendingDeletion.
Rejected.PendingImport	409	The request was rejected because the key state is PendingImport.
`

// otherCodes are the other codes of the contract: from chapter 2, later publications and Alibaba Cloud's gateway.
const otherCodes = `
Forbidden.KeyVersionNotFound	404	The specified Key version is not found.
Rejected.UnsupportedOperation	400	Unsupported operation.
Rejected.Enabled	409	The request was rejected because the key state is Enabled.
Rejected.Throttling	429	QPS Limit Exceeded.
SignatureNonceUsed	400	Specified signature nonce was used already.
InvalidSecurityToken.Malformed	400	The specified security token is malformed.
MissingSecurityToken	400	SecurityToken is mandatory for this action
InvalidSecurityToken.MismatchWithAccessKey	400	The specified security token does not belong to the AccessKey.
InvalidSecurityToken.Expired	400	The specified security token has expired.
InvalidAction.NotFound	404	Specified api is not found, please check your url and method.
Forbidden.DKMSInstanceNotFound	403	The specified DKMS Instance is not found.
Forbidden.DKMSInstanceStateInvalid	400	The status of the specified DKMS Instance is invalid.
Rejected.Unavailable	409	The request was rejected because the key state is Unavailable.
Forbidden.ResourceNotFound	404	Resource not found.
Rejected.ResourceExist	409	The resource already exists.
Rejected.ResourceInDeleteWindow	409	The secret is planned to be deleted.
Rejected.ResourceInUse	409	restore normal secret
UnsupportedOperation	400	This action is not supported.
InvalidApiName	400	The ApiName "CreateKey" is invalid.
DryRunOperationError	400	The request would have succeeded if the DryRun parameter was not specified.
ValidationError	400	The parameters specified in the request are invalid.
AccessDeniedError	403	You are not authorized to perform this operation on the KMS resource.
`

// never maps the codes that can't occur in this service to the reason.
var never = map[kmsapi.Code]string{
	"Forbidden.UbsmsInvalidUserId":      "Ubsms is Alibaba Cloud's system of orders, and nothing is ordered here.",
	"Forbidden.UbsmsInvalidBid":         "Business partners of Alibaba Cloud have no part in it.",
	"Forbidden.KmsServiceNotEnabled":    "An account that the configuration has is enabled.",
	"Forbidden.ProhibitedByRiskControl": "There is no risk control.",
	"Forbidden.InDebtOverdue":           "It costs nothing.",
	"Forbidden.InDebt":                  "It costs nothing.",
	"Rejected.Enabled":                  "No cell of chapter 2 has it: every operation may run on an enabled key, or fails with StateModifiedFailed.",
}

// occurs maps every other code to a function that makes it occur.
var occurs = map[kmsapi.Code]func(w *wire) answer{
	"InternalFailure":             aRecordThatIsSpoilt,
	"ServiceUnavailableTemporary": aCommitThatFails,
	"InvalidAccessKeyId.NotFound": func(w *wire) answer {
		return w.post(with(w.signed(http.MethodPost, "ListKeys"), "AccessKeyId", "LTAIother"))
	},
	"Forbidden.KeyNotFound": func(w *wire) answer {
		return w.do("DescribeKey", "KeyId", "00000000-0000-4000-8000-000000000000")
	},
	"Forbidden.AliasNotFound": func(w *wire) answer { return w.do("DescribeKey", "KeyId", "alias/nobody") },
	"Forbidden.NoPermission": func(w *wire) answer {
		allowed := server.Allow{Actions: []string{"kms:ListKeys"}, Resources: []string{"*"}}
		restrict := func(c *server.Config) { c.Accounts[0].AccessKeys[0].Allow = []server.Allow{allowed} }
		return configured(w.t, restrict).do("CreateKey")
	},
	"Forbidden.AccessKey": func(w *wire) answer {
		return configured(w.t, func(c *server.Config) { c.Accounts[0].AccessKeys[0].Inactive = true }).do("ListKeys")
	},
	"UnsupportedHTTPMethod": func(w *wire) answer {
		return w.send(http.MethodPut, "", w.signed(http.MethodPut, "ListKeys").Form(), nil)
	},
	"ParseRequestParameterException": func(w *wire) answer { return w.send(http.MethodGet, "Action=%zz", "", nil) },
	"MissingParameter":               func(w *wire) answer { return w.do("DescribeKey") },
	"InvalidParameter":               func(w *wire) answer { return w.do("ListKeys", "PageSize", "102") },
	"IncompleteSignature": func(w *wire) answer {
		return w.post(with(w.signed(http.MethodPost, "ListKeys"), "PageSize", "1"))
	},
	"IllegalTimestamp": func(w *wire) answer {
		return w.post(without(w.signed(http.MethodPost, "ListKeys"), "Timestamp"))
	},
	"Rejected.LimitExceeded": func(w *wire) answer {
		id, key := w.createKey(), 'a'
		for ; key < 'a'+kmsapi.MaxTags; key++ {
			w.must("TagResource", "KeyId", id, "Tags", `[{"TagKey":"`+string(key)+`","TagValue":""}]`)
		}
		return w.do("TagResource", "KeyId", id, "Tags", `[{"TagKey":"`+string(key)+`","TagValue":""}]`)
	},
	"AliasAlreadyExists": func(w *wire) answer {
		w.must("CreateAlias", "AliasName", "alias/a", "KeyId", w.createKey())
		return w.do("CreateAlias", "AliasName", "alias/a", "KeyId", w.createKey())
	},
	"InvalidKeyMaterial": func(w *wire) answer {
		id := w.createKey("Origin", "EXTERNAL")
		return w.do("ImportKeyMaterial", w.wrapMaterial(id, make([]byte, kmsapi.KeyMaterialSize-1))...)
	},
	"InvalidImportToken": func(w *wire) answer {
		id, other := w.createKey("Origin", "EXTERNAL"), w.createKey("Origin", "EXTERNAL")
		params := w.wrapMaterial(other, make([]byte, kmsapi.KeyMaterialSize))
		return w.do("ImportKeyMaterial", append([]string{"KeyId", id}, params[2:]...)...)
	},
	"ExpiredImportToken": func(w *wire) answer {
		params := w.wrapMaterial(w.createKey("Origin", "EXTERNAL"), make([]byte, kmsapi.KeyMaterialSize))
		w.kms.Advance(24*time.Hour + time.Minute)
		return w.do("ImportKeyMaterial", params...)
	},
	"Unsupported.Origin": func(w *wire) answer { return w.do("DeleteKeyMaterial", "KeyId", w.createKey()) },
	"Unsupported.Alias":  func(w *wire) answer { return w.do("EnableKey", "KeyId", "alias/a") },
	"Rejected.StateModifiedFailed": func(w *wire) answer {
		return w.do("CancelKeyDeletion", "KeyId", w.createKey())
	},
	"Rejected.Disabled": func(w *wire) answer {
		id := w.createKey()
		w.must("DisableKey", "KeyId", id)
		return w.do("GenerateDataKey", "KeyId", id)
	},
	"Rejected.PendingDeletion": func(w *wire) answer {
		id := w.createKey()
		w.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
		return w.do("GenerateDataKey", "KeyId", id)
	},
	"Rejected.PendingImport": func(w *wire) answer {
		return w.do("GenerateDataKey", "KeyId", w.createKey("Origin", "EXTERNAL"))
	},
	"Rejected.Throttling": func(w *wire) answer {
		return manyAtOnce(configured(w.t, func(c *server.Config) { c.RateLimits = &server.RateLimits{CreateKey: 1} }))
	},
	"SignatureNonceUsed": func(w *wire) answer {
		params := w.signed(http.MethodPost, "ListKeys")
		w.post(params)
		return w.post(params)
	},
	"InvalidSecurityToken.Malformed": func(w *wire) answer {
		params := kmsapi.Params{{Name: "Action", Value: "ListKeys"}, {Name: "SecurityToken", Value: "made up"}}
		return w.post(w.sign(http.MethodPost, params))
	},
	"MissingSecurityToken": func(w *wire) answer { return temporary(w.t, time.Hour).do("ListKeys") },
	"InvalidSecurityToken.MismatchWithAccessKey": func(w *wire) answer {
		return temporary(w.t, time.Hour).withToken("another").do("ListKeys")
	},
	"InvalidSecurityToken.Expired": func(w *wire) answer {
		return temporary(w.t, -time.Second).withToken("the-token").do("ListKeys")
	},
	"InvalidAction.NotFound": func(w *wire) answer { return w.do("MakeCoffee") },
	"Forbidden.DKMSInstanceNotFound": func(w *wire) answer {
		return w.do("GetKmsInstance", "KmsInstanceId", "kst-none")
	},
	"Forbidden.DKMSInstanceStateInvalid": func(w *wire) answer {
		w.setInstance(func(i *server.Instance) { i.Status = "Connecting" })
		return w.do("CreateKey", "DKMSInstanceId", w.kms.Instance.ID)
	},
	"Rejected.ResourceExist": func(w *wire) answer {
		w.createSecret("exists")
		return w.createSecret("exists")
	},
	"Rejected.ResourceInDeleteWindow": func(w *wire) answer {
		w.createSecret("deleted")
		w.must("DeleteSecret", "SecretName", "deleted")
		return w.do("GetSecretValue", "SecretName", "deleted")
	},
	"Rejected.ResourceInUse": func(w *wire) answer {
		w.createSecret("in-use")
		return w.do("RestoreSecret", "SecretName", "in-use")
	},
	"Rejected.Unavailable": func(w *wire) answer {
		id := w.createKey("DKMSInstanceId", w.kms.Instance.ID)
		w.setInstance(func(i *server.Instance) { i.Status = "Error" })
		return w.do("GenerateDataKey", "KeyId", id)
	},
	"Forbidden.ResourceNotFound": func(w *wire) answer { return w.do("GetKeyPolicy", "KeyId", w.createKey()) },
	"Forbidden.KeyVersionNotFound": func(w *wire) answer {
		id := w.createKey()
		return w.do("DescribeKeyVersion", "KeyId", id, "KeyVersionId", id)
	},
	"Rejected.UnsupportedOperation": func(w *wire) answer {
		return w.do("CreateKey", "Origin", "EXTERNAL", "EnableAutomaticRotation", "true", "RotationInterval", "7d")
	},
	"UnsupportedOperation": func(w *wire) answer {
		id, off := w.createKey("DKMSInstanceId", w.kms.Instance.ID), false
		w.setInstance(func(i *server.Instance) { i.InternetAccess = &off })
		return w.do("GenerateDataKey", "KeyId", id)
	},
	"InvalidApiName": func(w *wire) answer { return w.at(w.kms.Instance).do("CreateKey") },
	"DryRunOperationError": func(w *wire) answer {
		return w.do("GenerateDataKey", "KeyId", w.createKey(), "DryRun", "true")
	},
	"ValidationError": func(w *wire) answer { return w.do("GenerateDataKey", "KeyId", "alias/a", "DryRun", "true") },
	"AccessDeniedError": func(w *wire) answer {
		allowed := server.Allow{Actions: []string{"kms:ListKeys"}, Resources: []string{"*"}}
		restrict := func(c *server.Config) { c.Accounts[0].AccessKeys[0].Allow = []server.Allow{allowed} }
		return configured(w.t, restrict).do("GenerateDataKey", "KeyId", "alias/a", "DryRun", "true")
	},
}

// temporary returns a caller with a temporary access key that expires after life.
func temporary(t *testing.T, life time.Duration) caller {
	return configured(t, func(c *server.Config) {
		key := accessKey("STS.one")
		key.SecurityToken, key.Expires = "the-token", time.Now().Add(life).Format(time.RFC3339)
		c.Accounts[0].AccessKeys = append(c.Accounts[0].AccessKeys, key)
	}).as("STS.one")
}

// variable turns the variable parts of the reference's sentences into patterns. The real service names the forbidden
// resource.
var variable = strings.NewReplacer(
	"< parameter name >", "[A-Za-z]+",
	"This operation is forbidden", "This operation( for [a-z0-9:/-]+)? is forbidden",
)

func TestEveryErrorCodeOccursAsTheReferenceSays(t *testing.T) {
	for _, line := range rows(publicErrorCodes + otherCodes) {
		code, rest, _ := strings.Cut(line, "\t")
		statusText, sentence, _ := strings.Cut(rest, "\t")
		makeItOccur, can := occurs[kmsapi.Code(code)]
		if !can {
			continue
		}
		t.Run(code, func(t *testing.T) {
			got := makeItOccur(newWire(t))
			status, err := strconv.Atoi(statusText)
			require.NoError(t, err)
			got.refused(t, &kmsapi.Error{Code: kmsapi.Code(code), HTTPStatus: status})
			require.Regexp(t, "^"+variable.Replace(regexp.QuoteMeta(sentence)), got.Message,
				"more may follow: what would be good, and the like")
			require.NotEmpty(t, got.RequestId)
			require.NotEmpty(t, got.HostId)
		})
	}
}

// rows returns the lines of a table that are not empty.
func rows(table string) []string {
	return strings.FieldsFunc(table, func(r rune) bool { return r == '\n' })
}

// The tables above have all codes of the reference and the contract, and each code is in either never or occurs.
func TestNoErrorCodeIsForgotten(t *testing.T) {
	known := map[kmsapi.Code]bool{}
	for _, line := range rows(publicErrorCodes + otherCodes) {
		code, _, _ := strings.Cut(line, "\t")
		known[kmsapi.Code(code)] = true
		_, occurs := occurs[kmsapi.Code(code)]
		_, never := never[kmsapi.Code(code)]
		require.NotEqual(t, occurs, never, "%s must occur, or there must be a reason why it can't", code)
	}
	require.Len(t, known, len(occurs)+len(never))
	require.Len(t, rows(publicErrorCodes), 30, "the reference's table has 30 rows")
	contract := map[kmsapi.Code]bool{}
	for _, err := range kmsapi.Errors() {
		contract[err.Code] = true
		require.Contains(t, known, err.Code)
	}
	for code := range occurs {
		require.Contains(t, contract, code, "clients can't compare with what the contract does not name")
	}
}

// aRecordThatIsSpoilt uses a CMK whose record was damaged.
func aRecordThatIsSpoilt(w *wire) answer {
	id := w.createKey()
	w.kms.Stop()
	changeStore(w.t, filepath.Join(w.kms.DataDir, "kms.db"), func(u store.Writer) error {
		return u.Put("cmk/123456/cn-hangzhou/"+id, []byte{1, 1})
	})
	w.kms.Start()
	return w.do("DescribeKey", "KeyId", id)
}

// aCommitThatFails sends a request whose write does not reach the disk.
func aCommitThatFails(w *wire) answer {
	l := newLab(w.t, nil)
	l.commit = func(func() error) error { return errors.New("no space left on device") }
	return l.do("CreateKey")
}

// manyAtOnce sends requests until the service refuses one: the second in one second.
func manyAtOnce(w *wire) answer {
	for {
		if got := w.do("CreateKey"); got.Code != "" {
			return got
		}
	}
}
