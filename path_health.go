package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) healthPaths() []*framework.Path { return nil }
