package alicloudkms

import (
	"regexp"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

const (
	// gatewayShared serves every operation, for keys of any instance or none.
	gatewayShared = "shared"
	// gatewayDedicated serves operations that use keys of one instance, from the VPCs that belong to it.
	gatewayDedicated = "dedicated"
)

// An instanceConfig says in which KMS instance new keys are made, and how its keys are reached.
type instanceConfig struct {
	// ID is empty for keys of no instance, and for an account with a default instance.
	ID      string `json:"kms_instance_id"`
	Gateway string `json:"gateway"`
	// The other fields are for the dedicated gateway.
	Endpoint      string `json:"instance_endpoint"`
	TLSServerName string `json:"instance_tls_server_name"`
	CACert        string `json:"instance_ca_cert"`
	// CALearned says that CACert came from GetKmsInstance and may be read again.
	CALearned bool `json:"instance_ca_learned"`
}

// update takes the fields that d has. A learned CA is dropped if the instance changes.
func (i *instanceConfig) update(d *framework.FieldData) {
	old := i.ID
	set(d, "kms_instance_id", &i.ID)
	set(d, "gateway", &i.Gateway)
	set(d, "instance_endpoint", &i.Endpoint)
	set(d, "instance_tls_server_name", &i.TLSServerName)
	_, given := d.GetOk("instance_ca_cert")
	if i.ID != old {
		i.forgetLearnedCA()
	}
	if given {
		i.CACert, i.CALearned = "", false
	}
	set(d, "instance_ca_cert", &i.CACert)
}

// forgetLearnedCA drops the CA, so that it is read again, unless a caller gave it.
func (i *instanceConfig) forgetLearnedCA() {
	if i.CALearned {
		i.CACert, i.CALearned = "", false
	}
}

// exampleInstance has the form of the ids that KMS gives.
const exampleInstance = "kst-hzz62f1cb66fa42qo7p3x"

// instanceID matches the ids of KMS instances, and nothing that could change the host name that is built from one.
var instanceID = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?$`)

func (i *instanceConfig) check() error {
	switch {
	case i.ID != "" && !instanceID.MatchString(i.ID):
		return refusal.BadRequest("kms_instance_id must be the id of a KMS instance, such as %s", exampleInstance)
	case i.Gateway != gatewayShared && i.Gateway != gatewayDedicated:
		return refusal.BadRequest("gateway must be %s or %s", gatewayShared, gatewayDedicated)
	case i.isDedicated() && i.ID == "":
		return refusal.BadRequest("gateway=%s needs kms_instance_id, the instance of the gateway", gatewayDedicated)
	default:
		return nil
	}
}

func (i *instanceConfig) isDedicated() bool { return i.Gateway == gatewayDedicated }

// lacksCA reports whether the CA must be read before the dedicated gateway can be called.
func (i *instanceConfig) lacksCA() bool { return i.isDedicated() && i.CACert == "" }

// client returns the dedicated gateways that the client uses.
func (i *instanceConfig) client() map[string]client.Instance {
	if !i.isDedicated() {
		return nil
	}
	return map[string]client.Instance{
		i.ID: {Endpoint: i.Endpoint, CACert: i.CACert, TLSServerName: i.TLSServerName},
	}
}

// given returns the settings that callers wrote and that decide which server gets the requests. Without the dedicated
// gateway, the id only says where new keys are made.
func (i instanceConfig) given() instanceConfig {
	i.forgetLearnedCA()
	if !i.isDedicated() {
		i.ID = ""
	}
	return i
}
