"""One-off research beside the package: tasks that made ``experiments/{realism,zcosmos_labels,hsc_deep_labels}``.

They run from a checkout by the usual command line, e.g. ``python -m photoz_lit task=realism``; the wheel has none of
them.
"""
