package config

// Exposed says what to do where every user of the machine may read the key's file as it is now; nothing where not, where
// the key comes from elsewhere, and where the file lies in memory: secrets are mounted there, by those who decide who
// comes near. The group may read it, for that is how a file of root's is given to a service.
func (k KeySource) Exposed() string {
	if k.File() == "" || !openToAll(k.File()) {
		return ""
	}
	return "every user of this machine can read the key file " + k.File() + ": chmod it to 600, or to 640 with a group that only the exporter is in"
}
