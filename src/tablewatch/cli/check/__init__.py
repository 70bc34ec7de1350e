"""``check_tablewatch``, the plugin for Nagios, Icinga and their kin: acquire, judge, present."""
