package api

// arn is the resource name of a CMK ("key/" and its id), an alias (its name with prefix) or all of a kind.
func (inv *Invocation) arn(resource string) string {
	return "acs:kms:" + inv.Region + ":" + inv.Account + ":" + resource
}

func (inv *Invocation) keyARN(keyID string) string { return inv.arn("key/" + keyID) }
